/**
 * Messages that came together and have nothing of their own but id and content are kept together: a row and a blob for up to 256 of them, instead of a
 * row and three index entries for each (see state/bundle.ts). Ids of a queue are asked for in their order, so that those of a bundle are a range.
 */
export const SECOND_SCHEMA = `
drop index message_id;
create unique index message_id on message (queue, id);

create table bundle (
  -- Message n * 256 + i is its i-th.
  n integer primary key, queue integer not null, rank integer not null, place real not null, size integer not null,
  first_id text not null, last_id text not null,
  -- From here on none was ever handed out. Which are in it no more, as bits; who holds which of the others.
  next integer not null, gone blob not null, runs text not null, due real
) strict;
create unique index bundle_id on bundle (queue, first_id);
create index bundle_arrival on bundle (queue, n);
create index bundle_ready on bundle (queue, rank, place, n) where next < size;
create index bundle_due on bundle (queue, due) where due is not null;
create table bundle_content (n integer primary key, content blob not null) strict;
`
