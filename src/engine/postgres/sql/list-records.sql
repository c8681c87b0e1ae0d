select x.text, r.key, r.version, r.expires, r.value
from (
  (
    select r.key as text, r.key from {schema}.record r
    where r.key >= $1::text collate "C" and r.key < $2::text collate "C"
      and (r.key, r.key) > ($3::text collate "C", $4::text collate "C")
      and (r.expires is null or r.expires > $6::bigint)
    order by r.key limit $5::int
  )
  union all
  (
    select a.alias as text, a.key from {schema}.alias a join {schema}.record r on r.key = a.key
    where a.alias >= $1::text collate "C" and a.alias < $2::text collate "C"
      and (a.alias, a.key) > ($3::text collate "C", $4::text collate "C")
      and (r.expires is null or r.expires > $6::bigint)
    order by a.alias, a.key limit $5::int
  )
  union all
  (
    select r.alias as text, r.key from {schema}.record r
    where r.alias >= $1::text collate "C" and r.alias < $2::text collate "C"
      and (r.alias, r.key) > ($3::text collate "C", $4::text collate "C")
      and (r.expires is null or r.expires > $6::bigint)
    order by r.alias, r.key limit $5::int
  )
) x
join {schema}.record r on r.key = x.key
order by x.text collate "C", x.key collate "C" limit $5::int
