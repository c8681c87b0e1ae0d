-- Hands out the first of each queue: highest priority, then place. Who holds a lock on one has decided something about it.
with n as materialized (
  select x.queue, x.id
  from unnest($1::int[], $2::int[]) as w (queue, max)
  join {schema}.queue q on q.queue = w.queue and not q.is_unbound and (q.settings::json ->> 'paused') = 'false'
  cross join lateral (
    select m.queue, m.id from {schema}.message m
    where m.queue = w.queue and m.state = 0
      and (m.expires is null or m.expires > case when m.is_wall_expires then $4::bigint else $3::bigint end)
    order by m.rank, m.place, m.seq limit w.max for update skip locked
  ) x
)
update {schema}.message as m
set state = 1, lease = $7::bigint, holder = $6::bigint, until = $3::bigint + $5::bigint, acquired = m.acquired + 1
from n
where m.queue = any (array[n.queue]) and m.id = n.id
returning
  m.queue, m.id, m.seq, m.state, m.rank, m.place, m.line, m.line_seq, m.lease, m.holder, m.until, m.due, m.is_wall_due,
  m.expires, m.is_wall_expires, m.acquired, m.failed, m.released, m.is_cancelled, m.sent_at, m.ended_at, m.turn, m.reason,
  m.failures, m.size, m.report, m.attrs,
  case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body
