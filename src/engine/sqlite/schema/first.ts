/**
 * The first schema. Numbers join the tables; a message's content is its attributes as JSON and, from `split` on, its body; times are engine time in ms unless the name says wall. States are those of state/message.ts. The
 * partial indexes are the lists of a queue: what is ready, held, due, dead. A lease touches none that grows with what it may not hand out.
 */
export const FIRST_SCHEMA = `
create table clock (
  id integer primary key check (id = 1),
  -- Engine time is the machine's monotonic clock plus this, as long as the machine is not started anew.
  ahead real not null, boot text not null,
  engine_at real not null, wall_at real not null,
  -- The last numbers given, and how much is kept of what has no list.
  seq integer not null, turn integer not null, version integer not null, position integer not null, owner integer not null,
  records integer not null, dedupes integer not null, commits integer not null,
  -- Counts changes of queues, topics and subscriptions, so that other processes read them anew.
  settings integer not null
) strict;

create table owner (id integer primary key, pid integer not null, opened_at real not null) strict;

create table queue (
  id integer primary key, name text not null unique, settings text not null, version integer not null,
  unbound integer not null, used_at real not null, due real, wall_due real,
  ready integer not null, held integer not null, delayed integer not null, leased integer not null, dead integer not null,
  kept integer not null, bytes integer not null,
  acked integer not null, expired integer not null, cancelled integer not null, discarded integer not null
) strict;
create index queue_due on queue (due) where due is not null;
create index queue_wall_due on queue (wall_due) where wall_due is not null;

create table message (
  seq integer primary key, queue integer not null, id text not null, state integer not null, rank integer not null, place real not null,
  due real, wall_due real, expires real, wall_expires real, line text, head integer not null, bytes integer not null,
  sent_at real not null, owner integer not null, handout integer not null, process integer not null,
  acquired integer not null, failed integer not null, released integer not null, cancel integer not null, history integer not null,
  ended_at real, report text, reason text, split integer not null, content blob
) strict;
create unique index message_id on message (id, queue);
create index message_arrival on message (queue, seq);
create index message_ready on message (queue, rank, place, seq) where state = 2;
create index message_held on message (queue, line, place) where state = 3;
create unique index message_head on message (queue, line) where head = 1;
create index message_due on message (queue, due, seq, process, owner) where due is not null;
create index message_wall_due on message (queue, wall_due) where wall_due is not null;
create index message_expires on message (queue, expires) where expires is not null and state <= 4;
create index message_wall_expires on message (queue, wall_expires) where wall_expires is not null and state <= 4;
create index message_dead on message (queue, place) where state = 6;
create index message_ended on message (queue, place) where state > 6;

-- Content that is too large to be moved with its row at every change of state.
create table content (seq integer primary key, content blob not null) strict;
create table failure (seq integer not null, n integer not null, code text not null, failure text not null, primary key (seq, n))
  strict, without rowid;

create table topic (
  id integer primary key, name text not null unique, retention text, version integer not null, due real, kept integer not null
) strict;
create index topic_due on topic (due) where due is not null;
create table retained (
  position integer primary key, topic integer not null, at real not null, type text not null, split integer not null, content blob not null
) strict;
create index retained_topic on retained (topic, position);
create index retained_at on retained (topic, at, position);
create table subscription (
  id integer primary key, topic integer not null, name text not null, queue integer not null, subscription text not null,
  version integer not null, status text not null, cursor integer not null, has_gap integer not null, gaps text not null,
  unique (topic, name)
) strict;
create index subscription_behind on subscription (id) where status = 'catching-up';

-- Settings stand here too, so that they are listed in order; their value is null and is made where it is read.
create table record (key text not null unique, value blob, version integer not null, expires_at real) strict;
create index record_expires on record (expires_at) where expires_at is not null;
create table alias (alias text not null, key text not null, primary key (alias, key)) strict, without rowid;
create index alias_key on alias (key);

create table dedupe (scope text not null, text text not null, id text not null, until real not null, primary key (scope, text))
  strict, without rowid;
create index dedupe_until on dedupe (until);
create table remembered (id text primary key, results text not null, until real not null) strict, without rowid;
create index remembered_until on remembered (until);

-- What other processes may want to know, for a short while.
create table notice (n integer primary key, kind text not null, name text not null) strict;
`
