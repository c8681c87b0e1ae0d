-- Waits for whoever is just looking whether the lock is free, and ends the session that held it before.
with e as materialized (
  select pg_terminate_backend(l.pid) from pg_catalog.pg_locks l
  where l.locktype = 'advisory' and l.granted and l.pid = $3::int and l.objid = $2::bigint::oid and l.objsubid = 2
)
select pg_advisory_lock($1::int, $2::int) is null as is_held from (select count(*) from e) as ended
