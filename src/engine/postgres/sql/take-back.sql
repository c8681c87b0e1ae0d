-- Makes messages ready again that were handed out under a number and that nobody was told of, as if they had not been. Who is just being decided
-- about is left to who decides, and whoever's end was asked for lapses now. By the key of the table: the sums keep away the index of all leases.
with n as materialized (
  select m.queue, m.id from unnest($2::int[], $3::uuid[]) as i (queue, id)
  join {schema}.message m on m.queue = any (array[i.queue]) and m.id = i.id
  where m.state + 0 = 1 and m.lease = $1::bigint and m.until + 0 < 8640000000000000
  for update of m skip locked
),
c as (
  update {schema}.message as m set until = least(m.until, $4::bigint)
  from n
  where m.queue = any (array[n.queue]) and m.id = n.id and m.is_cancelled
  returning 1
),
u as (
  update {schema}.message as m
  set state = 0, lease = null, holder = null, until = null, acquired = m.acquired - 1
  from n
  where m.queue = any (array[n.queue]) and m.id = n.id and not m.is_cancelled
  returning 1
)
select (select count(*) from c) + (select count(*) from u) as count
