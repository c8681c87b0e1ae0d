-- Bodies to which nobody refers any more, of so many from a number on, and of them so many bytes and one more: each goes with its pieces, of which a large
-- one has thousands. How long a body is stands beside it. Whoever refers to one is in one of the tables at every moment, and nobody begins to but with one
-- that does, or with the body itself: so no lock is needed. One process at a time: two would only wait for each other.
with c as materialized (
  select s.n, octet_length(s.body) as size from {schema}.shared s
  where s.n > $1::bigint and not {gate} and (select pg_try_advisory_xact_lock($3::int, -1))
  order by s.n limit $2::int
),
free as materialized (
  select c.n, sum(c.size) over (order by c.n) - c.size as before from c
  where (select m.shared from {schema}.message m where m.shared = c.n limit 1) is null
    and (select p.shared from {schema}.past p where p.shared = c.n limit 1) is null
    and (select e.shared from {schema}.event e where e.shared = c.n limit 1) is null
),
gone as (
  delete from {schema}.shared s using free
  where s.n = free.n and free.before < $4::bigint
  returning s.n
),
rest as (select min(n) as n from free where before >= $4::bigint)
select
  (select count(*) from c) as count, coalesce(rest.n - 1, (select max(n) from c)) as n,
  (select count(*) from gone) as gone, rest.n is not null as is_more
from rest
