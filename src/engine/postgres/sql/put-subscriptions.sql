insert into {schema}.subscription (topic, name, number, version, definition, status, cursor, has_gap, gaps, revision)
select * from unnest(
  $1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::boolean[], $9::text[], $10::bigint[]
)
on conflict (topic, name) do update set
  number = excluded.number,
  version = excluded.version,
  definition = excluded.definition,
  status = excluded.status,
  cursor = excluded.cursor,
  has_gap = excluded.has_gap,
  gaps = excluded.gaps,
  revision = excluded.revision
