-- What watchers may want to know: queues that have something ready, with who is first, and marks of records and topics that change when
-- those do.
select 'queue' as kind, q.name, m.seq as mark
from {schema}.queue q
cross join lateral (
  select m.seq from {schema}.message m
  where m.queue = q.queue and m.state = 0 order by m.rank, m.place, m.seq limit 1
) m
where q.name = any ($1::text[])
union all
select 'key', i.text, r.version
from unnest($2::text[]) as i (text)
cross join lateral (
  select i.text as key
  union all select a.key from {schema}.alias a where a.alias = i.text
  union all select b.key from {schema}.record b where b.alias = i.text
) k
join {schema}.record r on r.key = k.key
union all
select 'topic', i.topic, (
  select e.position from {schema}.event e where e.topic = i.topic order by e.position desc limit 1
)
from unnest($3::text[]) as i (topic)
