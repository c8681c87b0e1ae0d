-- Makes messages ready again that were handed out under a number and that nobody was told of, as if they had not been: some of them, or all of
-- them where none is named. Whoever's end was asked for meanwhile is left to lapse.
update {schema}.message m
set state = 0, lease = null, holder = null, until = null, acquired = m.acquired - 1
where m.state = 1 and m.lease = $1::bigint and not m.is_cancelled and m.until < 8640000000000000
  and (cardinality($2::uuid[]) = 0 or m.id = any ($2::uuid[]))
