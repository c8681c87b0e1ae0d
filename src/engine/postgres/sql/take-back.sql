-- Makes messages ready again that were handed out under a number and that nobody was told of, as if they had not been: some of them, or all of
-- them where none is named. Who is just being decided about is left to who decides, and whoever's end was asked for lapses now.
with n as materialized (
  select m.queue, m.id from {schema}.message m
  where m.state = 1 and m.lease = $1::bigint and m.until < 8640000000000000
    and (cardinality($2::uuid[]) = 0 or m.id = any ($2::uuid[]))
  for update skip locked
),
c as (
  update {schema}.message as m set until = least(m.until, $3::bigint)
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
