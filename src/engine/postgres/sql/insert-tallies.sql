insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
select * from unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
