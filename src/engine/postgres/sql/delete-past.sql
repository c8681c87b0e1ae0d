delete from {schema}.past as m using unnest($1::int[], $2::uuid[]) as i (queue, id)
where m.queue = any (array[i.queue]) and m.id = i.id
