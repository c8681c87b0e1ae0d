-- Ends messages that are held by their tokens, and puts records beside it: all or none. Only where their queues still are as the one who settles
-- knows them, and nobody stands in line behind one of them.
with t as materialized (
  select coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now
),
i as materialized (select * from unnest($6::int[], $7::uuid[], $8::bigint[]) as i (queue, id, lease)),
g as materialized (
  select not exists (
    select from unnest($3::int[], $4::text[], $5::text[]) as w (queue, settings, line_by)
    where not exists (
      select from {schema}.queue q
      where q.queue = w.queue and not q.is_unbound and not q.is_lagging and q.settings = w.settings and q.line_by = w.line_by
    )
  ) and not exists (
    select from i, t
    where (
      -- What is acked in a user's transaction as well is leased for ever. By the key of the table: the sum keeps away the index of all leases.
      select 1 from {schema}.message m
      where m.queue = i.queue and m.id = i.id and m.lease = i.lease and m.state + 0 = 1 and m.until + 0 > t.now
        and m.until + 0 < 8640000000000000 and m.line_seq is null
    ) is null
  ) as is_sound
),
d as (
  delete from {schema}.message m using i, g
  where g.is_sound and m.queue = i.queue and m.id = i.id and m.lease = i.lease and m.until + 0 < 8640000000000000
  returning m.queue, m.size
),
r as (
  insert into {schema}.record (key, version, expires, value, alias)
  select p.key, p.version, p.expires, p.value, p.alias
  from g, unnest($9::text[], $10::bigint[], $11::bigint[], $12::bytea[], $13::text[]) as p (key, version, expires, value, alias)
  where g.is_sound order by p.key
  on conflict (key) do update
  set version = excluded.version, expires = excluded.expires, value = excluded.value, alias = excluded.alias
  returning key, xmax <> 0 as was_there
),
x as (
  delete from {schema}.alias a using r
  where r.was_there and a.key = r.key
    and (a.alias, a.key) not in (select * from unnest($14::text[], $15::text[]))
),
a as (
  insert into {schema}.alias (alias, key)
  select n.alias, n.key from g, unnest($14::text[], $15::text[]) as n (alias, key) where g.is_sound
  on conflict do nothing
),
c as (
  insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
  select queue, -count(*), -sum(size), count(*), 0, 0, 0 from d group by queue
),
f as (insert into {schema}.fold (serial) select $2::bigint from g where g.is_sound)
-- The delete waits for whoever is just settling one of them, in another process or in a user's transaction. If that one was faster nothing of this
-- may stay: the division fails, and takes all of it back.
select s.count / case when g.is_sound and s.count < cardinality($7::uuid[]) then 0 else 1 end as count
from (select count(*) as count from d) s, g
