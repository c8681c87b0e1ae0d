-- Of each topic those that have changed since a revision; all of them where one has ended since. A topic without any has one row that says so.
-- "offset 0" keeps it a search in the index for each topic: as a join the server would walk through all subscriptions where a topic has most of them.
select
  i.topic, s.name, s.number, s.version, s.definition, s.status, s.cursor, s.has_gap, s.gaps,
  greatest(s.revision, e.revision, i.revision) as revision, coalesce(e.revision > i.revision, false) as is_all
from unnest($1::text[], $2::bigint[]) as i (topic, revision)
left join {schema}.unbound e on e.topic = i.topic
left join lateral (
  select c.name, c.number, c.version, c.definition, c.status, c.cursor, c.has_gap, c.gaps, c.revision
  from {schema}.subscription c
  where c.topic = i.topic and c.revision > case when e.revision > i.revision then -1 else i.revision end
  offset 0
) s on true
order by s.number
