select topic, retention, events, house_at from {schema}.topic where topic = any ($1::text[])
