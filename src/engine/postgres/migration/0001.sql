-- One number source for everything that must never be used again: arrivals, places in line, tokens, versions, positions.
-- A draw reserves 4096 numbers, so that a fold numbers its rows without asking again.
create sequence {schema}.serial increment by 4096 cache 1;
create sequence {schema}.queue_number as int cache 1;
create sequence {schema}.process_number cache 1;

create table {schema}.process (
  process bigint primary key,
  started timestamptz not null default statement_timestamp()
);

create table {schema}.queue (
  queue int primary key,
  name text collate "C" not null unique,
  settings text not null,
  is_unbound boolean not null,
  -- How its messages stand in line: 'key', 'none', 'strict'.
  line_by text not null,
  -- Its subscription is not live: it is fed when there is room.
  is_lagging boolean not null,
  used_at bigint not null,
  -- When something that is kept may be too old, or nobody uses it any more.
  house_at bigint
);
create index queue_house on {schema}.queue (house_at) where house_at is not null;

-- state: 0 ready, 1 leased, 2 arrived, 3 held, 4 delayed, and in "past" 5 dead, 6 acked, 7 expired, 8 cancelled, 9 discarded.
-- rank = 9 - priority, so that every column of an index ascends. Times are milliseconds since the epoch.
create table {schema}.message (
  queue int not null,
  id uuid not null,
  seq bigint not null,
  state smallint not null,
  rank smallint not null,
  place bigint,
  line text collate "C",
  line_seq bigint,
  lease bigint,
  holder bigint,
  until bigint,
  due bigint,
  is_wall_due boolean not null,
  expires bigint,
  is_wall_expires boolean not null,
  acquired int not null,
  failed int not null,
  released int not null,
  is_cancelled boolean not null,
  sent_at bigint not null,
  ended_at bigint,
  turn bigint,
  reason text,
  failures text,
  size int not null,
  report text,
  attrs text not null,
  body bytea not null,
  primary key (queue, id)
);
alter table {schema}.message alter body set storage external;
create index message_ready on {schema}.message (queue, rank, place, seq) where state = 0;
create index message_lease on {schema}.message (until) where state = 1;
create index message_due on {schema}.message (due) where state = 4 and not is_wall_due;
create index message_wall_due on {schema}.message (due) where state = 4 and is_wall_due;
create index message_queue_due on {schema}.message (queue, is_wall_due, due) where state = 4;
create index message_expires on {schema}.message (expires) where expires is not null and state <> 1 and not is_wall_expires;
create index message_wall_expires on {schema}.message (expires) where expires is not null and state <> 1 and is_wall_expires;
create index message_line_expires on {schema}.message (queue, is_wall_expires, expires) where expires is not null and line is not null and state <> 1;
create index message_line on {schema}.message (queue, line, line_seq) where line_seq is not null;

create table {schema}.past (like {schema}.message including storage, primary key (queue, id));
create index past_order on {schema}.past (queue, (state = 5), turn);

-- Counts are inserted as differences and rolled up, so that no row is shared by all who send.
create table {schema}.tally (
  queue int not null,
  living bigint not null,
  bytes bigint not null,
  acked bigint not null,
  expired bigint not null,
  cancelled bigint not null,
  discarded bigint not null
);
create index tally_queue on {schema}.tally (queue);

create table {schema}.record (
  key text collate "C" primary key,
  version bigint not null,
  expires bigint,
  value bytea not null
);
create index record_expires on {schema}.record (expires) where expires is not null;
create table {schema}.alias (
  alias text collate "C" not null,
  key text collate "C" not null references {schema}.record (key) on delete cascade,
  primary key (alias, key)
);
create index alias_key on {schema}.alias (key);

create table {schema}.dedupe (
  scope text collate "C" not null,
  text text collate "C" not null,
  until bigint not null,
  id uuid not null,
  primary key (scope, text)
);
create index dedupe_until on {schema}.dedupe (until);

create table {schema}.remembered (
  id text collate "C" primary key,
  until bigint not null,
  results text not null
);
create index remembered_until on {schema}.remembered (until);

-- One row a fold, so that an answer that was lost can be found again.
create table {schema}.fold (
  serial bigint primary key,
  at timestamptz not null default statement_timestamp(),
  -- It did not happen, and must not happen any more.
  is_fence boolean not null default false
);

create table {schema}.topic (
  topic text collate "C" primary key,
  retention text not null,
  events bigint not null,
  house_at bigint
);
create index topic_house on {schema}.topic (house_at) where house_at is not null;
create table {schema}.event (
  topic text collate "C" not null,
  position bigint not null,
  at bigint not null,
  attrs text not null,
  body bytea not null,
  primary key (topic, position)
);
alter table {schema}.event alter body set storage external;
create table {schema}.subscription (
  topic text collate "C" not null,
  name text collate "C" not null,
  number bigint not null,
  version bigint not null,
  definition text not null,
  status text not null,
  -- Position behind which it is owed what the topic keeps; null: nothing.
  cursor bigint,
  has_gap boolean not null,
  gaps text not null,
  primary key (topic, name)
);
create index subscription_behind on {schema}.subscription (status) where status = 'catching-up';
