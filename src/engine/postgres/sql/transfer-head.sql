-- The moment, and a number above all that was ever given.
select
  (extract(epoch from clock_timestamp()) * 1000)::bigint as now,
  (select last_value + 4096 from {schema}.serial) as serial,
  exists (select from {schema}.arrival where refusal is null) as is_there
