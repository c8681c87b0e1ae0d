insert into {schema}.record (key, version, expires, value, alias)
select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[])
on conflict (key) do update
set version = excluded.version, expires = excluded.expires, value = excluded.value, alias = excluded.alias
