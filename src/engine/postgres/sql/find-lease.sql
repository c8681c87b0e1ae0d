-- What was handed out under that number and still is: of a request whose answer was lost. Among all that is handed out, but not behind what stood
-- there before and cannot be cleaned up while somebody holds a snapshot.
select
  m.queue, m.id, m.seq, m.state, m.rank, m.place, m.line, m.line_seq, m.lease, m.holder, m.until, m.due, m.is_wall_due,
  m.expires, m.is_wall_expires, m.acquired, m.failed, m.released, m.is_cancelled, m.sent_at, m.ended_at, m.turn, m.reason,
  m.failures, m.size, m.report, m.attrs,
  case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body
from {schema}.message m
where m.state = 1 and m.lease = $1::bigint and m.until > $2::bigint
