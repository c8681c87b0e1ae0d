-- All processes, and which of them hold their lock no more. Asked in the session that holds that of the process which asks.
select process, process <> $2::bigint and pg_try_advisory_xact_lock($1::int, process::int) as is_gone from {schema}.process
