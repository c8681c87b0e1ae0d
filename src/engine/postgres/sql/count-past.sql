select (state = 5) as is_dead, count(*) as count from {schema}.past where queue = $1::int group by 1
