insert into {schema}.dedupe (scope, text, until, id)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::uuid[])
on conflict (scope, text) do update set until = excluded.until, id = excluded.id
