-- What was handed out under that number and still is.
select
  m.queue, m.id, m.seq, m.state, m.rank, m.place, m.line, m.line_seq, m.lease, m.holder, m.until, m.due, m.is_wall_due,
  m.expires, m.is_wall_expires, m.acquired, m.failed, m.released, m.is_cancelled, m.sent_at, m.ended_at, m.turn, m.reason,
  m.failures, m.size, m.report, m.attrs,
  case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body
from {schema}.message m join unnest($1::int[], $2::uuid[], $3::bigint[]) as i (queue, id, lease)
on m.queue = any (array[i.queue]) and m.id = i.id and m.lease = i.lease and m.state + 0 = 1
