select topic from {schema}.topic where house_at <= $1::bigint order by house_at limit $2::int
