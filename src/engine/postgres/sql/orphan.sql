-- Those that have come back meanwhile hold their locks again; our own is held by another session of ours, and what we held goes back also where
-- somebody took us for gone before.
with p as (
  delete from {schema}.process
  where process = any ($1::bigint[]) and (process = $4::bigint or pg_try_advisory_xact_lock($3::int, process::int))
  returning process
)
update {schema}.message set until = $2::bigint
where state = 1 and holder in (select process from p union all select $4::bigint where $4::bigint = any ($1::bigint[]))
