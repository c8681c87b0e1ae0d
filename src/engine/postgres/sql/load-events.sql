select position, at, attrs, body from {schema}.event
where topic = $1::text and position > $2::bigint order by position limit $3::int
