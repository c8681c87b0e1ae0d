select r.key, r.version, r.expires, r.value,
  coalesce((
    select json_agg(x.alias order by x.alias)
    from (select a.alias from {schema}.alias a where a.key = r.key union select r.alias where r.alias is not null) x
  ), '[]')::text as aliases
from {schema}.record r where r.key = any ($1::text[])
