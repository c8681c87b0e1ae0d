declare events no scroll cursor for
select
  e.topic, e.position, e.at, e.attrs,
  case when e.shared is null then e.body else (select s.body from {schema}.shared s where s.n = e.shared) end as body
from {schema}.event e order by e.topic, e.position
