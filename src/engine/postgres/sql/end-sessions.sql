select pg_terminate_backend(a.pid) as is_there from pg_catalog.pg_stat_activity a where a.pid = any ($1::int[])
