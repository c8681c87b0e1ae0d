insert into {schema}.alias (alias, key) select * from unnest($1::text[], $2::text[])
