select * from {schema}.queue where name = any ($1::text[])
union
select * from {schema}.queue where queue = any ($2::int[])
