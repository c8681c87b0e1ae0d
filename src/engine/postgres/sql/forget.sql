-- What is remembered for so long and no longer, so many of each kind at once; and counts of a queue that have become many are one again.
with recursive d as (
  delete from {schema}.dedupe
  where ctid = any (array(select ctid from {schema}.dedupe where until <= $1::bigint limit $2::int)) and until <= $1::bigint
  returning 1
), r as (
  delete from {schema}.remembered
  where ctid = any (array(select ctid from {schema}.remembered where until <= $1::bigint limit $2::int)) and until <= $1::bigint
  returning 1
), p as (
  -- Processes with folds that took a short way: each counts its own down, in a range of 2^36 numbers below nothing.
  select (select -max(serial) / 68719476736 from {schema}.fold where serial <= 0) as process
  union all
  select (select -max(serial) / 68719476736 from {schema}.fold where serial <= -(p.process + 1) * 68719476736)
  from p where p.process is not null
), f as (
  -- The numbers of each process, and those of folds that are decided, are drawn in the order of time, but for those that are under way at once:
  -- the oldest of each are looked at, and no more.
  -- By where they are, which is one order for all who do it at once: nobody waits in a circle.
  delete from {schema}.fold
  where ctid = any (array(
    select x.ctid from (
      (select ctid, at from {schema}.fold where serial > 0 order by serial limit $2::int)
      union all
      select o.ctid, o.at from p
      cross join lateral (
        select ctid, at from {schema}.fold
        where serial <= -p.process * 68719476736 and serial > -(p.process + 1) * 68719476736
        order by serial desc limit $2::int
      ) o
    ) x
    where x.at < now() - interval '1 hour' limit $2::int
  ))
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
