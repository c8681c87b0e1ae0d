/**
 * A database opened for a copy, in this thread and without an engine: nothing in it is due, and nobody is told. It is read in one transaction,
 * so that others may go on writing; each batch that is taken in is a transaction, durable when it is done.
 */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { PosthornError } from '../../../core/error.ts'
import type { Piece, Transfer } from '../../../core/transfer.ts'
import type { Database } from '../driver/driver.ts'
import { nodeDriver } from '../driver/node-driver.ts'
import { Statements } from '../driver/statements.ts'
import { toError, toFault } from '../fault.ts'
import { bootOfMachine, machineTicks } from '../process/machine-clock.ts'
import { checkOwn, migrate } from '../schema/migrate.ts'
import { continueClock, engineTime, firstNumbers } from '../state/clock.ts'
import { beginNumbers, readNumbers } from '../state/meta.ts'
import { DELETE_ALIASES, DELETE_RECORD, RECORD } from '../state/record.ts'
import { Transactions } from '../transaction.ts'
import { piecesOf } from './pieces.ts'
import { TakeIn } from './take-in.ts'

/** @throws PosthornError `invalid` where there is nothing to read; what opening an engine throws */
export function openSqliteTransfer(file: string, as: 'source' | 'target'): Transfer {
  const path = resolve(file)
  if (as === 'source' && !existsSync(path))
    throw new PosthornError('invalid', `there is no database at ${path}`, { details: { path } })
  let database: Database | null = null
  try {
    mkdirSync(dirname(path), { recursive: true })
    database = nodeDriver.open(path)
    return new SqliteTransfer(path, database)
  } catch (error) {
    database?.close()
    throw toError(toFault(error, path))
  }
}

class SqliteTransfer implements Transfer {
  readonly #path: string
  readonly #database: Database
  readonly #statements: Statements
  readonly #transactions: Transactions

  constructor(path: string, database: Database) {
    this.#path = path
    this.#database = database
    this.#statements = new Statements(database)
    this.#transactions = new Transactions(database, () => machineTicks().machineMs)
    this.#transactions.patiently(() => checkOwn(database, path))
    this.#transactions.patiently(() => database.exec('pragma journal_mode = wal'))
    this.#write(() => {
      migrate(database, path)
      if (readNumbers(this.#statements) === null)
        beginNumbers(this.#statements, firstNumbers(machineTicks(), bootOfMachine()))
    })
  }

  now(): number {
    const ticks = machineTicks()
    const numbers = readNumbers(this.#statements)!
    continueClock(numbers, ticks, bootOfMachine())
    return engineTime(numbers, ticks)
  }

  isEmpty(): boolean {
    const any =
      'select 1 where exists (select 1 from queue) or exists (select 1 from topic) or exists (select 1 from record)'
    return this.#statements.of(any).first() === undefined
  }

  peek(key: string): Uint8Array | null {
    return (this.#statements.of(RECORD).first(key)?.[1] as Uint8Array | null | undefined) ?? null
  }

  async *pieces(at: number): AsyncIterable<Piece> {
    this.#transactions.beginReading()
    try {
      yield* piecesOf(this.#statements, this.now(), at)
    } finally {
      this.#transactions.rollback()
    }
  }

  async takeIn(pieces: readonly Piece[]): Promise<void> {
    this.#write(() => new TakeIn(this.#statements).all(pieces))
  }

  async drop(key: string): Promise<void> {
    this.#write(() => {
      this.#statements.of(DELETE_ALIASES).run(key)
      this.#statements.of(DELETE_RECORD).run(key)
      this.#statements.of('update clock set records = (select count(*) from record where value is not null)').run()
    })
  }

  async close(): Promise<void> {
    this.#database.close()
  }

  #write(apply: () => void): void {
    this.#transactions.beginWriting('full')
    try {
      apply()
      this.#transactions.commit()
    } catch (error) {
      this.#transactions.rollback()
      throw toError(toFault(error, this.#path))
    }
  }
}
