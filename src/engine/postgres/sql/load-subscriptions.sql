-- Of each topic those that have changed since a revision; all of them where one has ended since. A topic without any has one row that says so.
select
  i.topic, s.name, s.number, s.version, s.definition, s.status, s.cursor, s.has_gap, s.gaps,
  greatest(s.revision, e.revision, i.revision) as revision, coalesce(e.revision > i.revision, false) as is_all
from unnest($1::text[], $2::bigint[]) as i (topic, revision)
left join {schema}.unbound e on e.topic = i.topic
left join {schema}.subscription s
on s.topic = i.topic and s.revision > case when e.revision > i.revision then -1 else i.revision end
order by s.number
