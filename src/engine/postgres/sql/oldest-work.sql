-- Since when the oldest of our own transactions is under way that can be seen; now, if there is none.
select
  coalesce($1::bigint, (extract(epoch from clock_timestamp()) * 1000)::bigint) - coalesce((
    select (extract(epoch from clock_timestamp() - min(a.xact_start)) * 1000)::bigint
    from pg_catalog.pg_stat_activity a
    where a.usename = current_user and a.application_name = current_setting('application_name')
      and a.datname = current_database() and a.pid <> pg_backend_pid()
  ), 0) as at
