declare commits no scroll cursor for
select id, results, until from {schema}.remembered where until > $1::bigint order by id
