-- All processes, and which of them hold their lock no more. Asked in the session that holds that of the process which asks. A server that was
-- started (or has begun to count anew, as it does when it has ended all sessions because one has crashed) leaves them 2 s to come back; what is
-- ahead of its clock was before that was set back.
select process,
  clock_timestamp() - s.at not between interval '0' and interval '2 s'
    and process <> $2::bigint and pg_try_advisory_xact_lock($1::int, process::int) as is_gone
from {schema}.process, (select greatest(pg_postmaster_start_time(), stats_reset) as at from pg_catalog.pg_stat_bgwriter) as s
