select is_fence from {schema}.fold where serial = $1::bigint
