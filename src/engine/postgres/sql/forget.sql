-- What is remembered for so long and no longer, so many of each kind at once; and counts of a queue that have become many are one again.
with d as (
  delete from {schema}.dedupe
  where ctid = any (array(select ctid from {schema}.dedupe where until <= $1::bigint limit $2::int)) and until <= $1::bigint
  returning 1
), r as (
  delete from {schema}.remembered
  where ctid = any (array(select ctid from {schema}.remembered where until <= $1::bigint limit $2::int)) and until <= $1::bigint
  returning 1
), f as (
  -- Serials are drawn in the order of time, but for those of one draw: the oldest are looked at, and no more.
  delete from {schema}.fold
  where serial in (select serial from {schema}.fold order by serial limit $2::int) and at < now() - interval '1 hour'
  returning 1
), t as (
  delete from {schema}.tally
  where queue in (select queue from {schema}.tally group by queue having count(*) > 100)
  returning *
), i as (
  insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
  select queue, sum(living), sum(bytes), sum(acked), sum(expired), sum(cancelled), sum(discarded) from t group by queue
)
select greatest((select count(*) from d), (select count(*) from r), (select count(*) from f)) >= $2::int as is_more
