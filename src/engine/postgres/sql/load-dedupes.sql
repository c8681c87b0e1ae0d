select d.scope, d.text, d.until, d.id from unnest($1::text[], $2::text[]) as i (scope, text)
join {schema}.dedupe d on d.scope = any (array[i.scope]) and d.text = i.text
