with u as (
  insert into {schema}.unbound (topic, revision) select topic, max(revision) from unnest($1::text[], $3::bigint[]) as i (topic, revision) group by topic
  on conflict (topic) do update set revision = excluded.revision
)
delete from {schema}.subscription s using unnest($1::text[], $2::text[]) as i (topic, name)
where s.topic = i.topic and s.name = i.name
