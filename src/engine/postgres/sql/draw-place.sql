select nextval('{schema}.serial') as serial, coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now
