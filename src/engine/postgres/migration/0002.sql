-- What was committed in users' own transactions and waits to be decided by the next fold. Inserting locks nothing that others wait for.
create table {schema}.arrival (
  n bigint generated always as identity primary key,
  -- Engine time at which it was given.
  at bigint not null,
  -- Dedupe texts that it uses, with the ids that do.
  dedupes json not null,
  changes text not null,
  -- Why it could not be decided: kept for people, and passed over.
  refused text
);
alter table {schema}.arrival alter changes set storage external;
create index arrival_waiting on {schema}.arrival (n) where refused is null;

-- Tells this schema from one of the same name in another database.
create table {schema}.identity (id uuid not null default gen_random_uuid());
insert into {schema}.identity default values;

-- What users' transactions call: as functions, so that a session plans them once, whatever library asks.
-- Which transaction and which schema this is, and what is known of what is named.
create function {schema}.join_look(given text) returns text language plpgsql set jit = off set search_path = pg_catalog as $$
declare
  g json := given::json;
  moment bigint := coalesce((g ->> 'now')::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint);
  queues json := '[]';
  there json := '[]';
  firsts json := '[]';
begin
  if json_array_length(g -> 'queues') > 0 then
    select coalesce(json_agg(json_build_object('name', q.name, 'settings', q.settings, 'living', t.living, 'bytes', t.bytes)), '[]')
    into queues
    from json_array_elements_text(g -> 'queues') as i (name)
    join {schema}.queue q on q.name = i.name
    cross join lateral (
      select coalesce(sum(living), 0) as living, coalesce(sum(bytes), 0) as bytes from {schema}.tally t where t.queue = q.queue
    ) t;
    select coalesce(json_agg(i.n), '[]') into there
    from json_to_recordset(g -> 'ids') as i (n int, name text, id uuid)
    join {schema}.queue q on q.name = i.name
    where exists (select from {schema}.message m where m.queue = q.queue and m.id = i.id)
      or exists (select from {schema}.past p where p.queue = q.queue and p.id = i.id);
  end if;
  if json_array_length(g -> 'dedupes') > 0 then
    select coalesce(json_agg(json_build_object('n', i.n, 'id', coalesce(d.id::text, a.id))), '[]') into firsts
    from json_to_recordset(g -> 'dedupes') as i (n int, scope text, text text)
    left join {schema}.dedupe d on d.scope = i.scope and d.text = i.text and d.until > moment
    left join lateral (
      select a.dedupes ->> (i.scope || ' ' || i.text) as id from {schema}.arrival a
      where d.id is null and a.refused is null and a.dedupes ->> (i.scope || ' ' || i.text) is not null
      order by a.n limit 1
    ) a on true
    where coalesce(d.id::text, a.id) is not null;
  end if;
  return json_build_object(
    'transaction', pg_current_xact_id()::text, 'identity', (select id from {schema}.identity),
    'queues', queues, 'there', there, 'firsts', firsts
  )::text;
end
$$;

-- Gives a commit to whoever folds next, all or none. A message that it acks is locked until the transaction ends, and does not lapse after that:
-- whoever waits for the lock finds it gone or, after a rollback, as it was.
create function {schema}.join_arrive(given text) returns text language plpgsql set jit = off set search_path = pg_catalog as $$
declare
  g json := given::json;
  tokens json := g -> 'tokens';
  moment bigint := coalesce((g ->> 'now')::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint);
  held int;
begin
  if pg_current_xact_id()::text <> g ->> 'transaction' then return '{"isSame":false,"isHeld":false}'; end if;
  if json_array_length(tokens) > 0 then
    select count(*) into held
    from json_to_recordset(tokens) as i (queue int, id uuid, lease bigint)
    cross join lateral (
      select m.id from {schema}.message m
      where m.queue = i.queue and m.id = i.id and m.lease = i.lease and m.state = 1 and m.until > moment
        and m.until < 8640000000000000
      limit 1 for update
    ) x;
    if held < json_array_length(tokens) then return '{"isSame":true,"isHeld":false}'; end if;
    update {schema}.message m set until = 8640000000000000, holder = null
    from json_to_recordset(tokens) as i (queue int, id uuid) where m.queue = i.queue and m.id = i.id;
    -- Who stops in the middle of the last step of a handler's transaction holds up nobody for longer.
    perform set_config('idle_in_transaction_session_timeout', '5s', true);
  end if;
  insert into {schema}.arrival (at, dedupes, changes) values (moment, g -> 'dedupes', g ->> 'changes');
  return '{"isSame":true,"isHeld":true}';
end
$$;
