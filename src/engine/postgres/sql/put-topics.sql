insert into {schema}.topic (topic, retention, events, house_at)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
on conflict (topic) do update set retention = excluded.retention, events = excluded.events, house_at = excluded.house_at
