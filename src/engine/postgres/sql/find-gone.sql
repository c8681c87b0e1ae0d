-- Processes that hold their lock no more. Ours is held by another session than this one.
select process from {schema}.process where pg_try_advisory_xact_lock($1::int, process::int)
