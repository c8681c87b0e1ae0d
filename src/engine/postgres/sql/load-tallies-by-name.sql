select
  queue, sum(living)::bigint as living, sum(bytes)::bigint as bytes, sum(acked)::bigint as acked,
  sum(expired)::bigint as expired, sum(cancelled)::bigint as cancelled, sum(discarded)::bigint as discarded
from {schema}.tally where queue = any (select queue from {schema}.queue where name = any ($1::text[])) group by queue
