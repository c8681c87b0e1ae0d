insert into {schema}.past (
  queue, id, state, place, line_seq, lease, holder, until, due, is_wall_due, acquired, failed, released, is_cancelled, ended_at, turn, reason, failures, seq, rank, line, expires, is_wall_expires, sent_at, size, report, attrs, body, shared
)
select * from unnest(
  $1::int[],
  $2::uuid[],
  $3::smallint[],
  $4::bigint[],
  $5::bigint[],
  $6::bigint[],
  $7::bigint[],
  $8::bigint[],
  $9::bigint[],
  $10::boolean[],
  $11::int[],
  $12::int[],
  $13::int[],
  $14::boolean[],
  $15::bigint[],
  $16::bigint[],
  $17::text[],
  $18::text[],
  $19::bigint[],
  $20::smallint[],
  $21::text[],
  $22::bigint[],
  $23::boolean[],
  $24::bigint[],
  $25::int[],
  $26::text[],
  $27::text[],
  $28::bytea[],
  $29::bigint[]
)
