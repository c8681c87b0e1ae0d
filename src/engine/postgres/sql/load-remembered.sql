select id, until, results from {schema}.remembered where id = any ($1::text[])
