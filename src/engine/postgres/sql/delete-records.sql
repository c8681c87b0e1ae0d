with a as (delete from {schema}.alias where key = any ($1::text[]))
delete from {schema}.record where key = any ($1::text[])
