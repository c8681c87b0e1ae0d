select {schema}.join_know($1::text) as answer where not {gate}
