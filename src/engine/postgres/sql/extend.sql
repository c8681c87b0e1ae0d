update {schema}.message as m set until = $4::bigint + $5::bigint
from unnest($1::int[], $2::uuid[], $3::bigint[]) as i (queue, id, lease)
where m.queue = any (array[i.queue]) and m.id = i.id and m.lease = i.lease and m.state + 0 = 1 and m.until + 0 > $4::bigint
  -- Acked in a transaction that has committed.
  and m.until + 0 < 8640000000000000
returning m.queue, m.id, m.lease, m.is_cancelled
