-- What is remembered for so long and no longer; and counts are rolled up.
with d as (delete from {schema}.dedupe where until <= $1::bigint),
r as (delete from {schema}.remembered where until <= $1::bigint),
f as (delete from {schema}.fold where at < now() - interval '1 hour')
select 1
