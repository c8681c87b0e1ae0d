/** What happens to messages, written down while somebody follows it, in whichever process. */
export const THIRD_SCHEMA = `
alter table owner add column follows integer not null default 0;
create table trail (n integer primary key, happening text not null) strict;
`
