-- The first alias of a record stands in its row: most that have any have one, and two rows with four entries in indexes cost twice as much as one with
-- three. The others stay in their table, with those that were written before.
alter table {schema}.record add column alias text collate "C";
create index record_alias on {schema}.record (alias) where alias is not null;
