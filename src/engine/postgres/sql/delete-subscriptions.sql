delete from {schema}.subscription s using unnest($1::text[], $2::text[]) as i (topic, name)
where s.topic = i.topic and s.name = i.name
