delete from {schema}.event e using unnest($1::text[], $2::bigint[]) as i (topic, position)
where e.topic = i.topic and e.position <= i.position
