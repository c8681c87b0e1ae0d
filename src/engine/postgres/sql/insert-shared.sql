insert into {schema}.shared (n, body) select * from unnest($1::bigint[], $2::bytea[])
