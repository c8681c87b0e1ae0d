delete from {schema}.alias where key = any ($1::text[])
