delete from {schema}.arrival where n = any ($1::bigint[])
