select from {schema}.fold where serial = $1::bigint
