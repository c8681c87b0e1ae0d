select nextval('{schema}.queue_number') as queue
