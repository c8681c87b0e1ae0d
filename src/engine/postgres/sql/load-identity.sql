select id::text from {schema}.identity
