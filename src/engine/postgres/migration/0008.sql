-- Begins era 1.
-- All that a program does to a schema it does in transactions that name the column of its era, so those of older eras fail as soon as another begins. Programs
-- from before there were eras name this column by the name that it had.
alter table {schema}.queue add column era_1 boolean not null default true;
alter table {schema}.queue rename column line_by to line_order;
