-- The first place of what is ready, for each queue and rank that has something, and the first time of what is handed out; from where nothing
-- was before.
select null::int as queue, null::int as rank, u.until as place
from (select m.until from {schema}.message m where m.state = 1 and m.until >= $3::bigint order by m.until limit 1) u
union all
select q.queue, r.rank, x.place
from unnest($1::int[]) with ordinality as q (queue, n)
cross join generate_series(0, 9) as r (rank)
cross join lateral (
  select m.place from {schema}.message m
  where m.queue = q.queue and m.state = 0 and m.rank = r.rank
    and m.place >= ($2::bigint[])[(q.n - 1) * 10 + r.rank + 1]
  order by m.place, m.seq limit 1
) x
