-- What is remembered for so long and no longer; and counts of a queue that have become many are one again.
with d as (delete from {schema}.dedupe where until <= $1::bigint),
r as (delete from {schema}.remembered where until <= $1::bigint),
f as (delete from {schema}.fold where at < now() - interval '1 hour'),
t as (
  delete from {schema}.tally
  where queue in (select queue from {schema}.tally group by queue having count(*) > 100)
  returning *
)
insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
select queue, sum(living), sum(bytes), sum(acked), sum(expired), sum(cancelled), sum(discarded) from t group by queue
