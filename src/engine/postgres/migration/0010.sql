-- Messages are found by the key of their table, one by one, also where the server has looked at the table while nearly nothing was in it: it then believes that
-- a walk through all of an index costs no more than a search for one, and such a walk passes whatever a snapshot that is held keeps there. For one row of a table that nobody has looked at a bitmap is only dearer.
create or replace function {schema}.settle_all(
  lock_key int,
  moment bigint,
  fold_serial bigint,
  known_queues int[],
  known_settings text[],
  known_lines text[],
  ack_queues int[],
  ack_ids uuid[],
  ack_leases bigint[],
  put_keys text[],
  put_versions bigint[],
  put_expires bigint[],
  put_values bytea[],
  put_aliases text[],
  other_aliases text[],
  other_keys text[]
) returns int language plpgsql set enable_bitmapscan = off as $$
declare
  ended int;
begin
  perform pg_advisory_xact_lock_shared(lock_key, 0);
  moment := coalesce(moment, (extract(epoch from clock_timestamp()) * 1000)::bigint);
  if exists (
    select from unnest(known_queues, known_settings, known_lines) as w (queue, settings, line_order)
    where not exists (
      select from {schema}.queue q
      where q.queue = w.queue and not q.is_unbound and not q.is_lagging and q.settings = w.settings and q.line_order = w.line_order
    )
  ) then return 0; end if;
  begin
    with d as (
      -- The delete waits for whoever is just settling one of them, in another process or in a user's transaction. What is acked in a user's transaction
      -- is leased for ever. By the key of the table, one by one: the array keeps away a walk through all of its index, and the sums that of all leases.
      delete from {schema}.message m using unnest(ack_queues, ack_ids, ack_leases) as i (queue, id, lease)
      where m.queue = any (array[i.queue]) and m.id = i.id and m.lease = i.lease and m.state + 0 = 1
        and m.until + 0 > moment
        and m.until + 0 < 8640000000000000 and m.line_seq is null
      returning m.queue, m.size
    ),
    c as (
      insert into {schema}.tally (queue, living, bytes, acked, expired, cancelled, discarded)
      select d.queue, -count(*), -sum(d.size), count(*), 0, 0, 0 from d group by d.queue
    ),
    f as (insert into {schema}.fold (serial) values (fold_serial))
    select count(*) into ended from d;
    -- One of them is not held any more: nothing of this may stay.
    if ended < cardinality(ack_ids) then raise exception using errcode = 'PH001'; end if;
  exception when sqlstate 'PH001' then return 0;
  end;
  if cardinality(put_keys) > 0 then
    if exists (select from {schema}.record r where r.key = any (put_keys)) then
      with r as (
        insert into {schema}.record (key, version, expires, value, alias)
        select p.key, p.version, p.expires, p.value, p.alias
        from unnest(put_keys, put_versions, put_expires, put_values, put_aliases) as p (key, version, expires, value, alias)
        order by p.key
        on conflict (key) do update
        set version = excluded.version, expires = excluded.expires, value = excluded.value, alias = excluded.alias
        returning key, xmax <> 0 as was_there
      ),
      x as (
        delete from {schema}.alias a using r
        where r.was_there and a.key = r.key
          and (a.alias, a.key) not in (select * from unnest(other_aliases, other_keys))
      )
      insert into {schema}.alias (alias, key)
      select n.alias, n.key from unnest(other_aliases, other_keys) as n (alias, key)
      on conflict do nothing;
    else
      -- In one order whoever asks, so that nobody waits in a circle. Not as tables: these would be filled as a whole first.
      insert into {schema}.record (key, version, expires, value, alias)
      select p.key, p.version, p.expires, p.value, p.alias
      from (
        select
          unnest(put_keys) as key, unnest(put_versions) as version, unnest(put_expires) as expires, unnest(put_values) as value,
          unnest(put_aliases) as alias
      ) p
      order by p.key;
      if cardinality(other_aliases) > 0 then
        insert into {schema}.alias (alias, key) select n.alias, n.key from unnest(other_aliases, other_keys) as n (alias, key);
      end if;
    end if;
  end if;
  return 1;
end
$$;
create or replace function {schema}.join_give(given text) returns text language plpgsql set jit = off set enable_seqscan = off set search_path = pg_catalog as $$
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
      where m.queue = i.queue and m.id = i.id and m.lease = i.lease and m.state + 0 = 1 and m.until + 0 > moment
        and m.until + 0 < 8640000000000000
      limit 1 for update
    ) x;
    if held < json_array_length(tokens) then return '{"isSame":true,"isHeld":false}'; end if;
    update {schema}.message m set until = 8640000000000000, holder = null
    from json_to_recordset(tokens) as i (queue int, id uuid) where m.queue = any (array[i.queue]) and m.id = i.id;
    -- Who stops in the middle of the last step of a handler's transaction holds up nobody for longer.
    perform set_config('idle_in_transaction_session_timeout', '5s', true);
  end if;
  insert into {schema}.arrival (at, dedupes, changes) values (moment, g -> 'dedupes', g ->> 'changes');
  return '{"isSame":true,"isHeld":true}';
end
$$;
