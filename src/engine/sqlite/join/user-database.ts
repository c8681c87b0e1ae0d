/** The user's connection: whether it is one, whether to the engine's file, and as the driver that deciders know. */
import { realpathSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { PosthornError } from '../../../core/error.ts'
import type { Database } from '../driver/driver.ts'
import { prepare } from '../driver/node-driver.ts'

/** @throws PosthornError `invalid-option`, `other-database` */
export function toUserDatabase(given: unknown, path: string): DatabaseSync {
  if (!(given instanceof DatabaseSync))
    throw new PosthornError(
      'invalid-option',
      `within is ${typeof given === 'object' && given !== null ? 'an object of another kind' : String(given)}: it must be a DatabaseSync of node:sqlite with an open transaction`,
      { details: { field: 'within' } },
    )
  const location = given.isOpen ? given.location() : null
  if (given.isOpen && (location === null || !isSame(location, path)))
    throw new PosthornError(
      'other-database',
      `within is a connection to ${location ?? 'a database in memory'}, and the engine's file is ${path}: your tables and Posthorn's must be in one file, as its main database`,
      { details: { field: 'within', path } },
    )
  return given
}

export function toDatabase(database: DatabaseSync): Database {
  return {
    exec: (sql) => database.exec(sql),
    prepare: (sql) => prepare(database, sql),
    close() {},
  }
}

const isSame = (one: string, other: string): boolean => realpathSync(one) === realpathSync(other)
