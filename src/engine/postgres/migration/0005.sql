-- The body of an event stands once, however many subscriptions get it. Nobody counts them: an ack would have to write a row that all of them share.
-- A body to which no message and no event refers any more is found and removed a little later. What was stored before stays as it is.
create table {schema}.shared (n bigint primary key, body bytea not null);
alter table {schema}.shared alter body set storage external;
alter table {schema}.message add column shared bigint;
alter table {schema}.past add column shared bigint;
alter table {schema}.event add column shared bigint;
create index message_shared on {schema}.message (shared) where shared is not null;
create index past_shared on {schema}.past (shared) where shared is not null;
create index event_shared on {schema}.event (shared) where shared is not null;
