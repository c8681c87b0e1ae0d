select key from {schema}.record where expires <= $1::bigint order by expires limit $2::int
