insert into {schema}.queue (queue, name, settings, is_unbound, line_order, is_lagging, used_at, house_at)
select * from unnest($1::int[], $2::text[], $3::text[], $4::boolean[], $5::text[], $6::boolean[], $7::bigint[], $8::bigint[])
on conflict (queue) do update set
  settings = excluded.settings,
  is_unbound = excluded.is_unbound,
  line_order = excluded.line_order,
  is_lagging = excluded.is_lagging,
  used_at = excluded.used_at,
  house_at = excluded.house_at
