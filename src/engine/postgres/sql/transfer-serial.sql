-- Nothing that is given from now on has a number up to this one.
select setval('{schema}.serial', greatest(last_value, $1::bigint) + 4096) as serial from {schema}.serial
