-- Bodies to which nobody refers any more, of so many from a number on. Whoever refers to one is in one of the tables at every moment, and nobody begins
-- to but with one that does, or with the body itself: so no lock is needed. One process at a time: two would only wait for each other.
with c as materialized (
  select s.n from {schema}.shared s
  where s.n > $1::bigint and (select pg_try_advisory_xact_lock($3::int, -1))
  order by s.n limit $2::int
),
gone as (
  delete from {schema}.shared s using c
  where s.n = c.n
    and (select m.shared from {schema}.message m where m.shared = c.n limit 1) is null
    and (select p.shared from {schema}.past p where p.shared = c.n limit 1) is null
    and (select e.shared from {schema}.event e where e.shared = c.n limit 1) is null
  returning s.n
)
select (select count(*) from c) as count, (select max(n) from c) as n, (select count(*) from gone) as gone
