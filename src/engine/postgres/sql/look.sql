-- What watchers may want to know: queues that have something ready, and marks of records and topics that change when those do.
select 'queue' as kind, q.name, 0::bigint as mark
from {schema}.queue q
where q.name = any ($1::text[]) and exists (select from {schema}.message m where m.queue = q.queue and m.state = 0)
union all
select 'key', i.text, r.version
from unnest($2::text[]) as i (text)
join {schema}.record r on r.key = i.text or r.key in (select a.key from {schema}.alias a where a.alias = i.text)
union all
select 'topic', i.topic, (
  select e.position from {schema}.event e where e.topic = i.topic order by e.position desc limit 1
)
from unnest($3::text[]) as i (topic)
