-- Sends messages that are ready at once, as `send` does, to queues that somebody in the sender's process waits for: what waits there already is
-- handed out first, and, where that leaves room for all that is sent, so is what is sent. Nothing is where time has something to decide first.
-- The first row is the moment, whether it was sent, and of which queues it was handed out; the others are what waited before.
with t as materialized (
  select
    nextval('{schema}.serial') as serial,
    coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now,
    coalesce($17::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as wall
),
g as materialized (
  select
    t.now,
    t.wall,
    not exists (
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
    ) as is_sound,
    exists (select from {schema}.message where state = 1 and until >= $27::bigint and until <= t.now)
    or exists (select from {schema}.arrival where refusal is null)
    or exists (select from {schema}.message where state = 4 and not is_wall_due and due <= t.now)
    or exists (select from {schema}.message where state = 4 and is_wall_due and due <= t.wall)
    or exists (
      select from {schema}.message where expires is not null and state <> 1 and not is_wall_expires and expires <= t.now
    )
    or exists (
      select from {schema}.message where expires is not null and state <> 1 and is_wall_expires and expires <= t.wall
    )
    or exists (select from {schema}.queue where house_at <= t.now)
    or exists (select from {schema}.topic where house_at <= t.now)
    or exists (select from {schema}.record where expires <= t.wall)
    or exists (select from {schema}.subscription where status = 'catching-up')
    or {gate} as is_due
  from t
),
w as materialized (
  select w.queue, w.own, w.max, w.lasts, w.holder, w.n
  from g
  cross join unnest($18::int[], $19::int[], $20::int[], $21::bigint[], $22::bigint[])
    with ordinality as w (queue, own, max, lasts, holder, n)
  where g.is_sound and not g.is_due
),
n as materialized (
  select x.queue, x.id
  from g
  cross join w
  cross join lateral (
    -- All priorities at once, or each from its own floor: what is below has gone, and need not be passed.
    select y.queue, y.id
    from unnest($24::smallint[], $25::smallint[]) with ordinality as r (low, high, n)
    cross join lateral (
      select m.queue, m.id from {schema}.message m
      where m.queue = w.queue and m.state = 0 and m.rank >= r.low and m.rank <= r.high
        and m.place >= ($26::bigint[])[(w.n - 1) * cardinality($24::smallint[]) + r.n]
        and (m.expires is null or m.expires > case when m.is_wall_expires then g.wall else g.now end)
      order by m.rank, m.place, m.seq limit w.max for update skip locked
    ) y
    limit w.max
  ) x
),
h as materialized (
  select w.queue, w.lasts, w.holder from w where w.own <= w.max - (select count(*) from n where n.queue = w.queue)
),
u as (
  update {schema}.message as m
  set state = 1, lease = $23::bigint, holder = w.holder, until = g.now + w.lasts, acquired = m.acquired + 1
  from n, w, g
  where m.queue = any (array[n.queue]) and m.id = n.id and w.queue = n.queue
  returning
    m.queue, m.id, m.rank, m.place, m.seq, m.sent_at, m.report, m.attrs,
    case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body,
    case
      when m.acquired > 1 or m.failed > 0 or m.released > 0 or m.is_cancelled or m.ended_at is not null
        or m.reason is not null or m.failures is not null
      then json_build_object(
        'acquired', m.acquired, 'failed', m.failed, 'released', m.released, 'is_cancelled', m.is_cancelled,
        'ended_at', m.ended_at, 'reason', m.reason, 'failures', m.failures
      )::text
    end as past
),
m as (
  insert into {schema}.message (
    queue, id, seq, state, rank, place, lease, holder, until, is_wall_due, is_wall_expires, acquired, failed, released,
    is_cancelled, sent_at, size, report, attrs, body
  )
  select
    i.queue, i.id, t.serial + i.n - 1, case when h.queue is null then 0 else 1 end, i.rank, t.now,
    case when h.queue is null then null else $23::bigint end, h.holder, t.now + h.lasts, false, false,
    case when h.queue is null then 0 else 1 end, 0, 0, false, t.now, octet_length(i.body), i.report, i.attrs, i.body
  from (
    select
      i.id, i.body, i.n, ($8::int[])[coalesce(i.kind, 1)] as queue, ($9::smallint[])[coalesce(i.kind, 1)] as rank,
      coalesce(i.report, ($10::text[])[coalesce(i.kind, 1)]) as report,
      coalesce(i.attrs, ($11::text[])[coalesce(i.kind, 1)]) as attrs
    from unnest($12::uuid[], $13::bytea[], $14::int[], $15::text[], $16::text[])
      with ordinality as i (id, body, kind, report, attrs, n)
  ) i
  cross join t
  left join h on h.queue = i.queue
  where (select is_sound from g)
),
c as (
  insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
  select i.queue, i.living, i.bytes, 0, 0, 0, 0 from unnest($3::int[], $6::int[], $7::bigint[]) as i (queue, living, bytes)
  where (select is_sound from g)
),
f as (insert into {schema}.fold (serial) select $2::bigint where (select is_sound from g))
select
  null as queue, null as id, null as rank, null as place, null as seq, g.now as sent_at, null as report, null as attrs,
  null as body,
  json_build_object('isSent', g.is_sound, 'queues', (select coalesce(json_agg(h.queue), '[]') from h))::text as past
from g
union all
select u.queue, u.id, u.rank, u.place, u.seq, u.sent_at, u.report, u.attrs, u.body, u.past from u
