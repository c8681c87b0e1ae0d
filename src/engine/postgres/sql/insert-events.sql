insert into {schema}.event (topic, position, at, attrs, body, shared)
select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bytea[], $6::bigint[])
