insert into {schema}.remembered (id, until, results)
select * from unnest($1::text[], $2::bigint[], $3::text[])
on conflict (id) do update set until = excluded.until, results = excluded.results
