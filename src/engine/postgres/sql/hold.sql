select pg_try_advisory_lock($1::int, $2::int) as is_held
