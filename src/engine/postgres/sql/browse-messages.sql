-- What JSON in a database cannot hold ($11) is read as $12 wherever texts are compared: a message that has it is passed over, and hides no other.
select
  m.queue, m.id, m.seq, m.state, m.rank, m.place, m.line, m.line_seq, m.lease, m.holder, m.until, m.due, m.is_wall_due,
  m.expires, m.is_wall_expires, m.acquired, m.failed, m.released, m.is_cancelled, m.sent_at, m.ended_at, m.turn, m.reason,
  m.failures, m.size, m.report, m.attrs,
  case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body
from {schema}.message m
where m.queue = $1::int and m.state = $2::smallint and m.seq > $3::bigint
  and ($5::text is null or regexp_replace(m.attrs, $11::text, $12::text, 'g')::json -> 'event' ->> 'type' = $5::text)
  and ($6::text is null or regexp_replace(m.attrs, $11::text, $12::text, 'g')::json ->> 'group' = $6::text)
  and ($7::text is null or regexp_replace(m.attrs, $11::text, $12::text, 'g')::json ->> 'key' = $7::text)
  and ($8::bigint is null or m.sent_at < $8::bigint)
  and ($9::bigint is null or m.sent_at >= $9::bigint)
  and (
    $10::text is null or m.reason = $10::text
    or exists (select from json_array_elements(regexp_replace(m.failures, $11::text, $12::text, 'g')::json) f where f ->> 'code' = $13::text)
  )
order by m.seq limit $4::int
