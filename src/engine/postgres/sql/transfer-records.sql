declare records no scroll cursor for
select r.key, r.version, r.expires, r.value,
  coalesce((select json_agg(a.alias order by a.alias) from {schema}.alias a where a.key = r.key), '[]')::text as aliases
from {schema}.record r
where r.key !~ '^(queue|subscription|topic)/'
order by r.key
