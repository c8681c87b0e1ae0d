select position, at, attrs, body from {schema}.event
where topic = $1::text and position > $2::bigint and ($3::bigint is null or at >= $3::bigint)
order by position limit $4::int
