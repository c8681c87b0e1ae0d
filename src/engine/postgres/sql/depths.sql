select
  q.queue, q.name, q.settings,
  coalesce(t.bytes, 0) as bytes, coalesce(t.acked, 0) as acked, coalesce(t.expired, 0) as expired,
  coalesce(t.cancelled, 0) as cancelled, coalesce(t.discarded, 0) as discarded,
  coalesce(m.ready, 0) as ready, coalesce(m.leased, 0) as leased, coalesce(m.arrived, 0) as arrived,
  coalesce(m.held, 0) as held, coalesce(m.delayed, 0) as delayed, m.oldest,
  coalesce(p.dead, 0) as dead
from {schema}.queue q
left join lateral (
  select
    sum(bytes)::bigint as bytes, sum(acked)::bigint as acked, sum(expired)::bigint as expired,
    sum(cancelled)::bigint as cancelled, sum(discarded)::bigint as discarded
  from {schema}.tally t where t.queue = q.queue
) t on true
left join lateral (
  select
    count(*) filter (where state = 0) as ready, count(*) filter (where state = 1) as leased,
    count(*) filter (where state = 2) as arrived, count(*) filter (where state = 3) as held,
    count(*) filter (where state = 4) as delayed, min(place) filter (where state = 0) as oldest
  from {schema}.message m where m.queue = q.queue
) m on true
left join lateral (
  select count(*) as dead from {schema}.past p where p.queue = q.queue and (p.state = 5)
) p on true
where $1::text[] is null or q.name = any ($1::text[])
order by q.queue
