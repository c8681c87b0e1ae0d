delete from {schema}.past as m using unnest($1::int[], $2::uuid[]) as i (queue, id)
where m.queue = i.queue and m.id = i.id
