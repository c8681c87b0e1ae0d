insert into {schema}.process (process) values ($1::bigint) on conflict do nothing
