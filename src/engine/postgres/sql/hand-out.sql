-- Hands out the first of each queue in one statement: highest priority, then place. Only where the queues still are as the one who asks knows
-- them, and time has nothing to decide first. Who holds a lock on a message has decided something about it.
-- The first row is the moment, whether anything could be handed out, and when time alone may make more of it ready.
with t as materialized (
  select
    coalesce($3::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now,
    coalesce($4::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as wall
),
g as materialized (
  select
    t.now,
    t.wall,
    exists (select from {schema}.message where state = 1 and until >= $13::bigint and until <= t.now)
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
    or {gate} as is_due,
    not exists (
      select from unnest($1::int[], $8::text[]) as w (queue, settings)
      where not exists (
        select from {schema}.queue q where q.queue = w.queue and not q.is_unbound and q.settings = w.settings
      )
    ) as is_known
  from t
),
n as materialized (
  select x.spot
  from g
  cross join unnest($1::int[], $2::int[]) with ordinality as w (queue, max, n)
  cross join lateral (
    -- All priorities at once, or each from its own floor: what is below has gone, and need not be passed.
    select y.spot
    from unnest($9::smallint[], $10::smallint[]) with ordinality as r (low, high, n)
    cross join lateral (
      select m.ctid as spot from {schema}.message m
      where m.queue = w.queue and m.state = 0 and m.rank >= r.low and m.rank <= r.high
        and m.place >= ($11::bigint[])[(w.n - 1) * cardinality($9::smallint[]) + r.n]
        and (m.expires is null or m.expires > case when m.is_wall_expires then g.wall else g.now end)
      order by m.rank, m.place, m.seq limit w.max for update skip locked
    ) y
    limit case when g.is_known and not g.is_due then w.max else 0 end
  ) x
),
u as (
  update {schema}.message as m
  set state = 1, lease = $7::bigint, holder = $6::bigint, until = g.now + $5::bigint, acquired = m.acquired + 1
  from g
  -- Where they were locked, and not looked for again by their keys. One that moved in between is left to whoever asks next, and was told of.
  where m.ctid = any (array(select n.spot from n))
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
)
select
  null as queue, null as id, null as rank, null as place, null as seq, g.now as sent_at, null as report, null as attrs,
  null as body,
  json_build_object(
    'isDue', g.is_due,
    'isKnown', g.is_known,
    'afterMs', least(
      (
        select min(x.due) from unnest($1::int[]) as w (queue)
        cross join lateral (
          select m.due from {schema}.message m
          where m.queue = w.queue and m.state = 4 and not m.is_wall_due order by m.due limit 1
        ) x
      ),
      (
        select min(x.expires) from unnest($1::int[]) as w (queue)
        cross join lateral (
          select m.expires from {schema}.message m
          where m.queue = w.queue and m.line is not null and m.expires is not null and m.state <> 1
            and not m.is_wall_expires
          order by m.expires limit 1
        ) x
      ),
      (select m.until from {schema}.message m where m.state = 1 and m.until >= $12::bigint order by m.until limit 1)
    ) - g.now,
    'afterWallMs', least(
      (
        select min(x.due) from unnest($1::int[]) as w (queue)
        cross join lateral (
          select m.due from {schema}.message m
          where m.queue = w.queue and m.state = 4 and m.is_wall_due order by m.due limit 1
        ) x
      ),
      (
        select min(x.expires) from unnest($1::int[]) as w (queue)
        cross join lateral (
          select m.expires from {schema}.message m
          where m.queue = w.queue and m.line is not null and m.expires is not null and m.state <> 1
            and m.is_wall_expires
          order by m.expires limit 1
        ) x
      )
    ) - g.wall
  )::text as past
from g
union all
select u.queue, u.id, u.rank, u.place, u.seq, u.sent_at, u.report, u.attrs, u.body, u.past from u
