-- The moment of what follows, the first of a block of numbers, and whether time alone has something to decide first.
-- Nothing that is handed out has a time below $4.
with t as materialized (
  select coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as now, coalesce($2::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) as wall
)
select
  t.now,
  t.wall,
  case when $3::boolean then nextval('{schema}.serial') end as serial,
  exists (select from {schema}.message where state = 1 and until >= $4::bigint and until <= t.now) as is_lapsed,
  exists (select from {schema}.arrival where refusal is null)
  or exists (select from {schema}.message where state = 4 and not is_wall_due and due <= t.now)
  or exists (select from {schema}.message where state = 4 and is_wall_due and due <= t.wall)
  or exists (
    select from {schema}.message where expires is not null and state <> 1 and not is_wall_expires and expires <= t.now
  )
  or exists (
    select from {schema}.message where expires is not null and state <> 1 and is_wall_expires and expires <= t.wall
  )
  or exists (select from {schema}.queue where house_at <= t.now)
  or exists (select from {schema}.topic where house_at <= t.now)
  or exists (select from {schema}.record where expires <= t.wall)
  or exists (select from {schema}.subscription where status = 'catching-up')
  or {gate} as is_due
from t
