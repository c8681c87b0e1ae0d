/**
 * Content that an event's deliveries and its topic have in common is stored once: in the table of large content, under a number of its own, with how
 * many hold it beside it. What was stored before stays as it is, and goes as it is handled.
 */
export const FOURTH_SCHEMA = `
create table shared (n integer primary key, holders integer not null) strict;
alter table message add column shared integer;
alter table retained add column shared integer;
`
