-- Whoever publishes knows the subscriptions of the topic from before, and reads only those that have changed since, or all where one has ended. The numbers
-- grow in the order of the schema's lock.
alter table {schema}.subscription add column revision bigint not null default 0;
create index subscription_revision on {schema}.subscription (topic, revision);
create table {schema}.unbound (topic text collate "C" primary key, revision bigint not null);
