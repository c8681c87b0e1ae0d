-- On its own, after what it tells of is committed: a transaction that notifies and writes would make all who do so commit one after the other.
select pg_notify(t.channel, t.text) is null as is_there from unnest($1::text[], $2::text[]) as t (channel, text)
