-- Waits for a fold of that number that is under way, and takes its number where it did not happen.
insert into {schema}.fold (serial, is_fence) values ($1::bigint, true) on conflict do nothing
