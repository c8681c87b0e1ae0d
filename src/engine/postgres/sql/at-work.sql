-- Which of these sessions have a statement under way.
select a.pid as number from pg_catalog.pg_stat_activity a where a.pid = any ($1::int[]) and a.state = 'active'
