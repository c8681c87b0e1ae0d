-- Sends messages that are ready at once, all or none: only to queues that still are as the sender knows them, and under ids that no ended
-- message of the queue has. A living message of the same id is a unique violation. What messages share is given once, as kinds of message;
-- where they have kinds, reports or attributes of their own there is a list of these, else an empty one.
with t as materialized (
  select
    nextval('{schema}.serial') as serial,
    coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now
),
g as materialized (
  select not exists (
    select from unnest($3::int[], $4::text[], $5::text[]) as w (queue, settings, line_order)
    where not exists (
      select from {schema}.queue q
      where q.queue = w.queue and not q.is_unbound and q.settings = w.settings and q.line_order = w.line_order
    )
  ) and (
    not exists (select from {schema}.past p where p.queue = any ($3::int[]))
    or not exists (
      select from unnest($12::uuid[], $14::int[]) as i (id, kind)
      cross join lateral (
        select from {schema}.past p where p.queue = ($8::int[])[coalesce(i.kind, 1)] and p.id = i.id limit 1
      ) p
    )
  ) and not {gate} as is_sound
),
m as (
  insert into {schema}.message (
    queue, id, seq, state, rank, place, is_wall_due, is_wall_expires, acquired, failed, released, is_cancelled, sent_at,
    size, report, attrs, body
  )
  select
    ($8::int[])[coalesce(i.kind, 1)], i.id, (select serial from t) + i.n - 1, 0, ($9::smallint[])[coalesce(i.kind, 1)],
    (select now from t), false, false, 0, 0, 0, false, (select now from t), octet_length(i.body),
    coalesce(i.report, ($10::text[])[coalesce(i.kind, 1)]), coalesce(i.attrs, ($11::text[])[coalesce(i.kind, 1)]), i.body
  from (
    -- Not as tables: these would be filled as a whole first, a copy of each body in them.
    select
      unnest($12::uuid[]) as id, unnest($13::bytea[]) as body, unnest($14::int[]) as kind, unnest($15::text[]) as report,
      unnest($16::text[]) as attrs, generate_series(1, cardinality($12::uuid[])) as n
  ) i
  where (select is_sound from g)
),
c as (
  insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
  select i.queue, i.living, i.bytes, 0, 0, 0, 0 from unnest($3::int[], $6::int[], $7::bigint[]) as i (queue, living, bytes)
  where (select is_sound from g)
),
f as (insert into {schema}.fold (serial) select $2::bigint where (select is_sound from g))
select is_sound::int as count from g
