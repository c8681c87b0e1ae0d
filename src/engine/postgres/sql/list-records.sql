-- In the order of texts: a record under its key, then those of which that text is an alias, in the order of their keys.
select x.text, x.alias_of, r.key, r.version, r.expires, r.value
from (
  (
    select r.key as text, r.key, '' as alias_of from {schema}.record r
    where r.key >= $1::text collate "C" and r.key < $2::text collate "C" and r.key > $3::text collate "C"
      and (r.expires is null or r.expires > $6::bigint)
    order by r.key limit $5::int
  )
  union all
  (
    select a.alias as text, a.key, a.key as alias_of from {schema}.alias a join {schema}.record r on r.key = a.key
    where a.alias >= $1::text collate "C" and a.alias < $2::text collate "C"
      and (a.alias, a.key) > ($3::text collate "C", $4::text collate "C")
      and (r.expires is null or r.expires > $6::bigint)
    order by a.alias, a.key limit $5::int
  )
  union all
  (
    select r.alias as text, r.key, r.key as alias_of from {schema}.record r
    where r.alias >= $1::text collate "C" and r.alias < $2::text collate "C"
      and (r.alias, r.key) > ($3::text collate "C", $4::text collate "C")
      and (r.expires is null or r.expires > $6::bigint)
    order by r.alias, r.key limit $5::int
  )
) x
join {schema}.record r on r.key = x.key
order by x.text collate "C", x.alias_of collate "C" limit $5::int
