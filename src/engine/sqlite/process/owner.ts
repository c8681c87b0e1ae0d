/**
 * Who has the database open. Each opening has a number that is never given again and, as long as it lives, a lock on a file of its own beside the
 * database: the system takes a lock from a process that dies however it dies, so that nobody needs to ask for process numbers, which are used
 * again and mean nothing in another container.
 */
import { existsSync, rmSync } from 'node:fs'
import type { Database, Driver } from '../driver/driver.ts'
import { isBusy } from '../fault.ts'

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

/** Who of the others lives. Their files stay open, so that a look costs little. */
export class OwnerWatch {
  readonly #driver: Driver
  readonly #path: string
  readonly #files = new Map<number, Database>()

  constructor(driver: Driver, path: string) {
    this.#driver = driver
    this.#path = path
  }

  /** Whether the opening of that number lives. What one that is gone left behind is removed. */
  isAlive(owner: number): boolean {
    const file = fileOf(this.#path, owner)
    const isThere = existsSync(file)
    try {
      if (isThere) lock(this.#open(owner, file))
    } catch (error) {
      if (isBusy(error)) return true
      throw error
    }
    this.#close(owner)
    rmSync(file, { force: true })
    return false
  }

  /** Looks at these only from now on. */
  keep(owners: readonly number[]): void {
    for (const owner of this.#files.keys()) if (!owners.includes(owner)) this.#close(owner)
  }

  #open(owner: number, file: string): Database {
    let database = this.#files.get(owner)
    if (database === undefined) this.#files.set(owner, (database = this.#driver.open(file)))
    return database
  }

  #close(owner: number): void {
    this.#files.get(owner)?.close()
    this.#files.delete(owner)
  }
}

/** Nothing is ever written into the file, nor a journal beside it. */
function lock(database: Database): void {
  database.exec('pragma journal_mode = memory')
  database.exec('begin exclusive')
}

function fileOf(path: string, owner: number): string {
  return `${path}-owner-${owner}`
}
