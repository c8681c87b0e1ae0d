select
  e.position, e.at, e.attrs, e.shared,
  case when e.shared is null then e.body else (select s.body from {schema}.shared s where s.n = e.shared) end as body
from {schema}.event e
where e.topic = $1::text and e.position > $2::bigint order by e.position limit $3::int
