declare dedupes no scroll cursor for
select scope, text, id, until from {schema}.dedupe where until > $1::bigint order by scope, text
