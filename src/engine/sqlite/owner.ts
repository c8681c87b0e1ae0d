/**
 * Who has the database open. Each opening has a number that is never given again and, as long as it lives, a lock on a file of its own beside the
 * database: the system takes a lock from a process that dies however it dies, so that nobody needs to ask for process numbers, which are used
 * again and mean nothing in another container.
 */
import { existsSync, rmSync } from 'node:fs'
import type { Database, Driver } from './driver/driver.ts'
import { isBusy } from './fault.ts'

export const OWNERS = 'select id from owner where id <> ?'
export const INSERT_OWNER = 'insert into owner (id, pid, opened_at) values (?, ?, ?)'
export const DELETE_OWNER = 'delete from owner where id = ?'

export class OwnerLock {
  readonly #path: string
  readonly #database: Database

  private constructor(path: string, database: Database) {
    this.#path = path
    this.#database = database
  }

  static take(driver: Driver, path: string, owner: number): OwnerLock {
    const file = fileOf(path, owner)
    const database = driver.open(file)
    lock(database)
    return new OwnerLock(file, database)
  }

  /** The file goes with the lock, unless somebody is looking at it just now. */
  release(): void {
    this.#database.close()
    rmSync(this.#path, { force: true })
  }
}

/** Whether the opening of that number lives. What one that is gone left behind is removed. */
export function isAlive(driver: Driver, path: string, owner: number): boolean {
  const file = fileOf(path, owner)
  if (!existsSync(file)) return false
  const database = driver.open(file)
  try {
    lock(database)
  } catch (error) {
    if (isBusy(error)) return true
    throw error
  } finally {
    database.close()
  }
  rmSync(file, { force: true })
  return false
}

/** Nothing is ever written into the file, nor a journal beside it. */
function lock(database: Database): void {
  database.exec('pragma journal_mode = memory')
  database.exec('begin exclusive')
}

function fileOf(path: string, owner: number): string {
  return `${path}-owner-${owner}`
}
