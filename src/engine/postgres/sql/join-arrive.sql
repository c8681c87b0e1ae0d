select {schema}.join_arrive($1::text) as answer
