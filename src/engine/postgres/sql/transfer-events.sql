declare events no scroll cursor for
select topic, position, at, attrs, body from {schema}.event order by topic, position
