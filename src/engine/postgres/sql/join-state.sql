-- null: it is so long ago that nobody knows any more.
select pg_xact_status($1::text::xid8) as status
