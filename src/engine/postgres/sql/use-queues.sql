update {schema}.queue set used_at = $2::bigint where queue = any ($1::int[]) and used_at < $2::bigint
