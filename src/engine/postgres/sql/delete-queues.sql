with t as (delete from {schema}.tally where queue = any ($1::int[])),
  p as (delete from {schema}.past where queue = any ($1::int[]))
delete from {schema}.queue where queue = any ($1::int[])
