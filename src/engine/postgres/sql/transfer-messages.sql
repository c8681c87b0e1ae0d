-- Living and past ones of all queues, those of a queue in order of arrival; of those that are held, how far behind the head of their line.
declare messages no scroll cursor for
select
  q.name, m.id, m.seq, m.state, m.place, m.line, m.until, m.due, m.is_wall_due, m.acquired, m.failed, m.released, m.is_cancelled,
  m.sent_at, m.ended_at, m.reason, m.failures, m.report, m.attrs,
  case when m.shared is null then m.body else (select s.body from {schema}.shared s where s.n = m.shared) end as body,
  case
    when m.line_seq is null or m.state > 4 then null
    when m.state = 3 then row_number() over (partition by m.queue, m.line, m.state order by m.line_seq)
    else 0
  end as rank
from (select * from {schema}.message union all select * from {schema}.past) m
join {schema}.queue q on q.queue = m.queue
order by q.name, m.seq
