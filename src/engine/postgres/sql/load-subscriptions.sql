select topic, name, number, version, definition, status, cursor, has_gap, gaps
from {schema}.subscription where topic = any ($1::text[]) order by number
