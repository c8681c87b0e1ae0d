-- Of era 1 as well, and a transaction of its own: whoever holds `arrival` may go on to `queue`.
-- These are called otherwise so that programs of era 0 that send and ack nothing find out as well.
alter table {schema}.arrival rename column refused to refusal;
alter function {schema}.join_arrive rename to join_give;
drop function {schema}.settle, {schema}.join_look;
create function {schema}.settle_all(
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
) returns int language plpgsql as $$
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
      -- is leased for ever. By the key of the table: the sums keep away the index of all leases.
      delete from {schema}.message m using unnest(ack_queues, ack_ids, ack_leases) as i (queue, id, lease)
      where m.queue = i.queue and m.id = i.id and m.lease = i.lease and m.state + 0 = 1 and m.until + 0 > moment
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
create function {schema}.join_know(given text) returns text language plpgsql set jit = off set search_path = pg_catalog as $$
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
      where d.id is null and a.refusal is null and a.dedupes ->> (i.scope || ' ' || i.text) is not null
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
