-- In the order in which they were given; so many, and about so many characters.
select a.n, a.at, a.changes as text
from (
  select n, at, changes, sum(octet_length(changes)) over (order by n) - octet_length(changes) as size
  from (select n, at, changes from {schema}.arrival where refusal is null order by n limit $1::int) w
) a
where a.size < $2::bigint
order by a.n
