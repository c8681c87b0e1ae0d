-- Aliases are removed with their records by whoever removes those: looking up each record again for each alias cost more than writing it.
alter table {schema}.alias drop constraint alias_key_fkey;
