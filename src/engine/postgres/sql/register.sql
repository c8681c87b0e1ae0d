insert into {schema}.process (process) values (nextval('{schema}.process_number')) returning process
