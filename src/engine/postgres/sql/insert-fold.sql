insert into {schema}.fold (serial) values ($1::bigint)
