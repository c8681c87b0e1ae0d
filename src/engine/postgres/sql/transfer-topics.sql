declare topics no scroll cursor for
select r.key, r.version, r.value from {schema}.record r where r.key >= 'topic/' and r.key < 'topic0' order by r.key
