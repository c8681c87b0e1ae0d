declare queues no scroll cursor for
select q.queue, q.name, q.settings, q.is_unbound, coalesce(r.version, 0) as version
from {schema}.queue q left join {schema}.record r on r.key = 'queue/' || q.name
order by q.name
