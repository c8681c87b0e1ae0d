-- Plain acks and the records that are put beside them, in one statement: the function is in the migrations.
select {schema}.settle(
  $1::int, $2::bigint, $3::bigint, $4::int[], $5::text[], $6::text[], $7::int[], $8::uuid[], $9::bigint[], $10::text[],
  $11::bigint[], $12::bigint[], $13::bytea[], $14::text[], $15::text[], $16::text[]
) as count
