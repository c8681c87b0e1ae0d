-- A number only: the process is known from when it holds its lock.
select nextval('{schema}.process_number') as process
