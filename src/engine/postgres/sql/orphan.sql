with p as (delete from {schema}.process where process = any ($1::bigint[]))
update {schema}.message set until = $2::bigint where state = 1 and holder = any ($1::bigint[])
