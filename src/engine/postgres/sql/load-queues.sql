select queue, name, settings, is_unbound, line_order, is_lagging, used_at, house_at from {schema}.queue
where name = any ($1::text[])
union
select queue, name, settings, is_unbound, line_order, is_lagging, used_at, house_at from {schema}.queue
where queue = any ($2::int[])
