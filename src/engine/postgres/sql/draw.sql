select nextval('{schema}.serial') as serial
