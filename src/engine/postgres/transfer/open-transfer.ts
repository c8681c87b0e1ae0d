/**
 * A schema opened for a copy, over one connection and without an engine: nothing in it is due, and nobody is told. It is read in one transaction
 * that sees it as of one moment, whatever others do; each batch that is taken in is a transaction.
 */
import { PosthornError } from '../../../core/error.ts'
import type { Piece, Transfer } from '../../../core/transfer.ts'
import { loadPg, type Answer, type Connection } from '../connection/driver.ts'
import { failureOf, isTurnedAway } from '../connection/failure.ts'
import { explainFailure, migrate, pendingMigrations, refuseNewEra } from '../migration/migrate.ts'
import type { PostgresEngine } from '../engine.ts'
import { hashOf } from '../hash.ts'
import { openPostgresEngine } from '../open.ts'
import { Statements } from '../sql/statement.ts'
import { readUrl } from '../url.ts'
import { piecesOf } from './pieces.ts'
import { TakeIn } from './take-in.ts'

/** So often a moment at which nothing is to be decided is looked for. */
const ROUNDS = 100

/** @throws PosthornError `invalid` where there is nothing to read; what opening an engine throws */
export async function openPostgresTransfer(text: string, as: 'source' | 'target'): Promise<Transfer> {
  const { url, schema = 'posthorn', isPooled } = readUrl(text)
  const statements = new Statements(schema, !isPooled)
  const lockKey = hashOf(`posthorn ${schema}`)
  const driver = await loadPg(url)
  const connection = await driver.connect().catch((error: unknown) => {
    throw lost(error)
  })
  try {
    const pending = await pendingMigrations(connection, statements)
    if (as === 'source' && /^create (?:schema|table)/.test(pending[0] ?? ''))
      throw new PosthornError('invalid', `there is no schema '${schema}' of Posthorn's in this database`, {
        details: { schema },
      })
    // Who copies from it need not be whoever may stop what still works with it.
    if (as === 'source') await refuseNewEra(connection, statements)
    await migrate(connection, statements, lockKey)
    const open = (): Promise<PostgresEngine> => openPostgresEngine(url, { schema, isPooled })
    return new PostgresTransfer(connection, statements, lockKey, open)
  } catch (error) {
    await connection.end()
    throw lost(error)
  }
}

class PostgresTransfer implements Transfer {
  readonly #connection: Connection
  readonly #statements: Statements
  readonly #lockKey: number
  readonly #openEngine: () => Promise<PostgresEngine>

  constructor(
    connection: Connection,
    statements: Statements,
    lockKey: number,
    openEngine: () => Promise<PostgresEngine>,
  ) {
    this.#connection = connection
    this.#statements = statements
    this.#lockKey = lockKey
    this.#openEngine = openEngine
  }

  async now(): Promise<number> {
    return (await this.#ask('transfer-head')).rows[0]!.now as number
  }

  async isEmpty(): Promise<boolean> {
    return (await this.#ask('transfer-empty')).rows[0]!.is_there as boolean
  }

  async peek(key: string): Promise<Uint8Array | null> {
    return ((await this.#ask('load-records', [[key]])).rows[0]?.value as Uint8Array | undefined) ?? null
  }

  async *pieces(at: number): AsyncIterable<Piece> {
    try {
      await this.#beginSeated()
      yield* piecesOf(
        (name, values) => this.#ask(name, values),
        (text) => this.#plain(text),
        at,
      )
    } catch (error) {
      await this.#plain('rollback').catch(() => {})
      throw await this.#explain(error)
    } finally {
      await this.#plain('rollback').catch(() => {})
    }
  }

  /**
   * Begins a transaction that sees nothing that is still to be decided. What users' own transactions have brought is decided by an engine; a copy
   * cannot, and would leave it behind although it was there.
   */
  async #beginSeated(): Promise<void> {
    let engine: PostgresEngine | null = null
    try {
      for (let round = 0; ; round++) {
        await this.#plain('begin isolation level repeatable read read only')
        if ((await this.#ask('arrivals')).rows[0]!.is_there !== true) return
        await this.#plain('rollback')
        if (round === ROUNDS)
          throw new PosthornError('conflict', 'transactions bring messages faster than they can be decided: stop them')
        engine ??= await this.#openEngine()
        await engine.depth([])
      }
    } finally {
      await engine?.close()
    }
  }

  async takeIn(pieces: readonly Piece[]): Promise<void> {
    await this.#write(async () => {
      const work = new TakeIn((name, values) => this.#ask(name, values))
      for (const [name, values] of await work.all(pieces)) await this.#ask(name, values)
    })
  }

  async drop(key: string): Promise<void> {
    await this.#write(async () => void (await this.#ask('delete-records', [[key]])))
  }

  async close(): Promise<void> {
    await this.#connection.end()
  }

  async #write(apply: () => Promise<void>): Promise<void> {
    try {
      await this.#plain('begin; set local synchronous_commit = on')
      await this.#ask('lock', [this.#lockKey])
      // Fails where the schema was made newer meanwhile.
      await this.#ask('arrivals')
      await apply()
      await this.#plain('commit')
    } catch (error) {
      await this.#plain('rollback').catch(() => {})
      throw await this.#explain(error)
    }
  }

  async #explain(error: unknown): Promise<unknown> {
    return (await explainFailure(error, this.#connection, this.#statements)) ?? lost(error)
  }

  #ask(name: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.#connection.query(this.#statements.get(name), values)
  }

  #plain(text: string): Promise<Answer> {
    return this.#connection.query({ name: null, text })
  }
}

function lost(error: unknown): unknown {
  if (error instanceof PosthornError) return error
  if (failureOf(error) === 'broken') return error
  const { message, code } = error as NodeJS.ErrnoException
  return isTurnedAway(error) && code !== undefined
    ? new PosthornError('invalid-option', `the database refuses it: ${message}`, { cause: error })
    : new PosthornError('unknown', `the database cannot be reached: ${message || code}`, { cause: error })
}
