declare subscriptions no scroll cursor for
select version, definition, status, coalesce(cursor, 0) as cursor, has_gap, gaps from {schema}.subscription order by topic, name
