update {schema}.arrival a set refusal = i.reason
from unnest($1::bigint[], $2::text[]) as i (n, reason) where a.n = i.n
