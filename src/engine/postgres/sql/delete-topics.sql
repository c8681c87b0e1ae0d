delete from {schema}.topic where topic = any ($1::text[])
