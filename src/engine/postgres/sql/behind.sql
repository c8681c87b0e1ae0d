select topic, name from {schema}.subscription where status = 'catching-up' order by number limit $1::int
