-- Hands out by place, or by place and so much for each priority: a merge of the heads of the ten priorities.
with c as materialized (
  select x.queue, x.id, x.place, x.seq, x.rank, w.aging, w.max
  from unnest($1::int[], $2::int[], $8::bigint[]) with ordinality as w (queue, max, aging, n)
  join {schema}.queue q on q.queue = w.queue and not q.is_unbound and (q.settings::json ->> 'paused') = 'false'
  cross join generate_series(0, 9) as r (rank)
  cross join lateral (
    select m.queue, m.id, m.place, m.seq, m.rank from {schema}.message m
    where m.queue = w.queue and m.state = 0 and m.rank = r.rank
      and m.place >= coalesce(($9::bigint[])[(w.n - 1) * 10 + r.rank + 1], 0)
      and (m.expires is null or m.expires > case when m.is_wall_expires then $4::bigint else $3::bigint end)
    order by m.place, m.seq limit w.max
  ) x
),
o as materialized (
  select c.queue, c.id, row_number() over (partition by c.queue order by c.place + c.rank * c.aging, c.seq) as at, c.max
  from c
),
n as materialized (
  select m.queue, m.id from {schema}.message m
  join o on m.queue = any (array[o.queue]) and m.id = o.id and o.at <= o.max
  where m.state = 0
  for update of m skip locked
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
