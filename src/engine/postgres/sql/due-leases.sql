select
  m.queue, m.id, m.seq, m.state, m.rank, m.place, m.line, m.line_seq, m.lease, m.holder, m.until, m.due, m.is_wall_due,
  m.expires, m.is_wall_expires, m.acquired, m.failed, m.released, m.is_cancelled, m.sent_at, m.ended_at, m.turn, m.reason,
  m.failures, m.size, m.report, m.attrs
from {schema}.message m
where m.state = 1 and m.until <= $1::bigint
order by m.until, m.seq limit $2::int
-- What is acked in a transaction that is just ending is passed over.
for update of m skip locked
