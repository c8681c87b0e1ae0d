-- When time alone may make something of these queues ready: on the engine's clock, and on the wall's.
select
  least(
    (
      select min(x.due) from unnest($1::int[]) as w (queue)
      cross join lateral (
        select m.due from {schema}.message m
        where m.queue = w.queue and m.state = 4 and not m.is_wall_due order by m.due limit 1
      ) x
    ),
    (
      select min(x.expires) from unnest($1::int[]) as w (queue)
      cross join lateral (
        select m.expires from {schema}.message m
        where m.queue = w.queue and m.line is not null and m.expires is not null and m.state <> 1
          and not m.is_wall_expires
        order by m.expires limit 1
      ) x
    ),
    (select m.until from {schema}.message m where m.state = 1 and m.until >= $2::bigint order by m.until limit 1)
  ) as at,
  least(
    (
      select min(x.due) from unnest($1::int[]) as w (queue)
      cross join lateral (
        select m.due from {schema}.message m
        where m.queue = w.queue and m.state = 4 and m.is_wall_due order by m.due limit 1
      ) x
    ),
    (
      select min(x.expires) from unnest($1::int[]) as w (queue)
      cross join lateral (
        select m.expires from {schema}.message m
        where m.queue = w.queue and m.line is not null and m.expires is not null and m.state <> 1 and m.is_wall_expires
        order by m.expires limit 1
      ) x
    )
  ) as wall_at
