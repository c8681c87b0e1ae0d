/** Statements on records, their aliases, and the settings that stand among them. */

export const RECORD_VERSION = 'select version, expires_at, value is null from record where key = ?'
export const RECORD = 'select key, value, version, expires_at from record where key = ?'
export const RECORD_OF_ALIAS = 'select key from alias where alias = ? order by key limit 1'
export const PUT_RECORD =
  'insert into record (key, value, version, expires_at) values (?, ?, ?, ?) on conflict (key) do update set value = excluded.value, version = excluded.version, expires_at = excluded.expires_at'
export const DELETE_RECORD = 'delete from record where key = ?'
export const INSERT_ALIAS = 'insert into alias (alias, key) values (?, ?)'
export const ALIASES_OF = 'select alias from alias where key = ?'
export const DELETE_ALIASES = 'delete from alias where key = ?'
export const RECORDS_FROM = 'select key from record where key >= ? order by key limit ?'
export const RECORDS_AFTER = 'select key from record where key > ? order by key limit ?'
export const ALIASES_FROM = 'select alias, key from alias where alias >= ? order by alias, key limit ?'
export const ALIASES_AFTER = 'select alias, key from alias where (alias, key) > (?, ?) order by alias, key limit ?'
export const RECORDS_EXPIRED = 'select key from record where expires_at <= ? order by expires_at limit ?'
export const NEXT_RECORD_EXPIRY =
  'select expires_at from record where expires_at is not null order by expires_at limit 1'

export const DEDUPE = 'select id from dedupe where scope = ? and text = ? and until > ?'
export const PUT_DEDUPE =
  'insert into dedupe (scope, text, id, until) values (?, ?, ?, ?) on conflict (scope, text) do update set id = excluded.id, until = excluded.until'
export const HAS_DEDUPE = 'select 1 from dedupe where scope = ? and text = ?'
export const SWEEP_DEDUPES =
  'delete from dedupe where (scope, text) in (select scope, text from dedupe where until <= ? order by until limit ?)'

export const REMEMBERED = 'select results from remembered where id = ? and until > ?'
export const PUT_REMEMBERED = 'insert or replace into remembered (id, results, until) values (?, ?, ?)'
export const HAS_REMEMBERED = 'select 1 from remembered where id = ?'
export const SWEEP_REMEMBERED =
  'delete from remembered where id in (select id from remembered where until <= ? order by until limit ?)'
