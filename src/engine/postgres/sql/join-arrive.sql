select {schema}.join_give($1::text) as answer where not {gate}
