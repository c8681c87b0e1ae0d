select {schema}.join_look($1::text) as answer
