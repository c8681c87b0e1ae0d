-- Sends messages that are ready at once, all or none: only to queues that still are as the sender knows them, and under ids that no ended
-- message of the queue has. A living message of the same id is a unique violation.
with t as materialized (
  select
    nextval('{schema}.serial') as serial,
    coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now
),
g as materialized (
  select not exists (
    select from unnest($3::int[], $4::text[], $5::text[]) as w (queue, settings, line_by)
    where not exists (
      select from {schema}.queue q
      where q.queue = w.queue and not q.is_unbound and q.settings = w.settings and q.line_by = w.line_by
    )
  ) and (
    not exists (select from {schema}.past p where p.queue = any ($3::int[]))
    or not exists (
      select from unnest($6::int[], $7::uuid[]) as i (queue, id)
      cross join lateral (select from {schema}.past p where p.queue = i.queue and p.id = i.id limit 1) p
    )
  ) as is_sound
),
m as (
  insert into {schema}.message (
    queue, id, seq, state, rank, place, is_wall_due, is_wall_expires, acquired, failed, released, is_cancelled, sent_at,
    size, report, attrs, body
  )
  select i.queue, i.id, t.serial + i.n - 1, 0, i.rank, t.now, false, false, 0, 0, 0, false, t.now, octet_length(i.body), i.report, i.attrs, i.body
  from unnest($6::int[], $7::uuid[], $8::smallint[], $9::text[], $10::text[], $11::bytea[])
    with ordinality as i (queue, id, rank, report, attrs, body, n), t, g
  where g.is_sound
  returning queue, size
),
c as (
  insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
  select queue, count(*), sum(size), 0, 0, 0, 0 from m group by queue
),
f as (insert into {schema}.fold (serial) select $2::bigint from g where g.is_sound)
select count(*) as count from m
