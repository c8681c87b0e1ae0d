delete from {schema}.record where key = any ($1::text[])
