-- One by one by the key of the table, whatever the planner believes to know about it.
select q.name, x.* from unnest($1::text[], $2::uuid[]) as i (name, id)
join {schema}.queue q on q.name = i.name
cross join lateral (
  select
    m.queue, m.id, m.seq, m.state, m.rank, m.place, m.line, m.line_seq, m.lease, m.holder, m.until, m.due, m.is_wall_due,
    m.expires, m.is_wall_expires, m.acquired, m.failed, m.released, m.is_cancelled, m.sent_at, m.ended_at, m.turn, m.reason,
    m.failures, m.size, m.report, m.attrs,
    case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body
  from {schema}.past m where m.queue = q.queue and m.id = i.id limit 1
) x
