-- An alias finds its record: of several, the first in order.
select i.text, r.key, r.version, r.expires, r.value
from (select distinct text from unnest($1::text[]) as i (text)) i
cross join lateral (
  select r.*
  from (
    select i.text as key
    union all select a.key from {schema}.alias a where a.alias = i.text
    union all select b.key from {schema}.record b where b.alias = i.text
  ) k
  join {schema}.record r on r.key = k.key
  where r.expires is null or r.expires > $2::bigint
  order by r.key <> i.text, r.key limit 1
) r
