/** Brings a database to the newest schema: numbered, forward only, each in the transaction that notes its number. */
import { PosthornError } from '../../../core/error.ts'
import type { Database } from '../driver/driver.ts'
import { FIRST_SCHEMA } from './first.ts'
import { FOURTH_SCHEMA } from './fourth.ts'
import { SECOND_SCHEMA } from './second.ts'
import { THIRD_SCHEMA } from './third.ts'

/** Each brings a database from its own place in the list to the next. */
export const MIGRATIONS: readonly string[] = [FIRST_SCHEMA, SECOND_SCHEMA, THIRD_SCHEMA, FOURTH_SCHEMA]

/** Marks a file as Posthorn's: "Post" as a number. */
const APPLICATION = 0x506f7374

/** Before anything about the file is changed. @throws PosthornError `corrupt`, `newer-format` */
export function checkOwn(database: Database, path: string): void {
  const version = numberOf(database, 'pragma user_version')
  if (numberOf(database, 'pragma application_id') !== APPLICATION) {
    if (version === 0 && numberOf(database, 'select count(*) from sqlite_schema') === 0) return
    throw new PosthornError('corrupt', `${path} is a database of another program: name a file of Posthorn's own`, {
      details: { path },
    })
  }
  if (version > MIGRATIONS.length)
    throw new PosthornError(
      'newer-format',
      `${path} has schema ${version}, made by a newer Posthorn: this one knows up to ${MIGRATIONS.length}`,
      { details: { path, found: version, known: MIGRATIONS.length } },
    )
}

/** Inside a transaction that may write: another process may have been faster, or newer. */
export function migrate(database: Database, path: string): void {
  checkOwn(database, path)
  const version = numberOf(database, 'pragma user_version')
  if (version === MIGRATIONS.length) return
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration)
  database.exec(`pragma application_id = ${APPLICATION}`)
  database.exec(`pragma user_version = ${MIGRATIONS.length}`)
}

function numberOf(database: Database, sql: string): number {
  return database.prepare(sql).first()?.[0] as number
}
