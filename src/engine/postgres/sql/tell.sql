-- On its own, after what it tells of is committed: a transaction that notifies and writes would make all who do so commit one after the other.
select pg_notify($1::text, $2::text) is null as is_there
