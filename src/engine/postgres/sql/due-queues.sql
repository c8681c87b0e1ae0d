select queue, name, settings, is_unbound, line_order, is_lagging, used_at, house_at from {schema}.queue
where house_at <= $1::bigint order by house_at limit $2::int
