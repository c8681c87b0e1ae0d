-- Dead letters that are driven again.
with i as materialized (
  select * from unnest(
    $1::int[],
  $2::uuid[],
  $3::smallint[],
  $4::bigint[],
  $5::bigint[],
  $6::bigint[],
  $7::bigint[],
  $8::bigint[],
  $9::bigint[],
  $10::boolean[],
  $11::int[],
  $12::int[],
  $13::int[],
  $14::boolean[],
  $15::bigint[],
  $16::bigint[],
  $17::text[],
  $18::text[]
  ) as i (queue, id, state, place, line_seq, lease, holder, until, due, is_wall_due, acquired, failed, released, is_cancelled, ended_at, turn, reason, failures)
), gone as (
  delete from {schema}.past as m using i where m.queue = any (array[i.queue]) and m.id = i.id
  returning m.queue, m.id, m.seq, m.rank, m.line, m.expires, m.is_wall_expires, m.sent_at, m.size, m.report, m.attrs, m.body, m.shared
)
insert into {schema}.message (
  queue, id, state, place, line_seq, lease, holder, until, due, is_wall_due, acquired, failed, released, is_cancelled, ended_at, turn, reason, failures, seq, rank, line, expires, is_wall_expires, sent_at, size, report, attrs, body, shared
)
select g.queue, g.id, i.state, i.place, i.line_seq, i.lease, i.holder, i.until, i.due, i.is_wall_due, i.acquired, i.failed, i.released, i.is_cancelled, i.ended_at, i.turn, i.reason, i.failures, g.seq, g.rank, g.line, g.expires, g.is_wall_expires, g.sent_at, g.size, g.report, g.attrs, g.body, g.shared
from gone g join i on i.queue = g.queue and i.id = g.id
