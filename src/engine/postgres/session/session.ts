/** What all calls of an open engine share: its connections, its moment, and reads that see what time has decided. */
import { PosthornError } from '../../../core/error.ts'
import type { Clock } from '../../../core/clock.ts'
import type { Answer } from '../connection/driver.ts'
import { failureOf } from '../connection/failure.ts'
import type { Floor } from './floor.ts'
import type { EngineLimits } from './limit.ts'
import { waitOut } from '../connection/outage.ts'
import type { Pool } from '../connection/pool.ts'
import type { Statements } from '../sql/statement.ts'
import { askAlone, type Moment, type Transactor } from './transact.ts'

export type Query = (name: string, values?: readonly unknown[]) => Promise<Answer>

export interface SessionParts {
  readonly pool: Pool
  readonly statements: Statements
  readonly transactor: Transactor
  readonly clock: Clock
  readonly limits: EngineLimits
  readonly moment: () => Moment
  /** The process that holds leases; null where nobody can tell whether it lives. */
  readonly holder: number | null
  readonly outageMs: number
  readonly floor: Floor
}

const ROUNDS = 100
/** Thrown to whoever waits for the moment, where time has something to decide first. */
const DUE = new Error('something is due')

export interface Instant {
  readonly now: number
  readonly wall: number
}

export class Session {
  readonly limits: EngineLimits
  readonly holder: number | null
  readonly floor: Floor
  readonly #parts: SessionParts

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.limits = parts.limits
    this.holder = parts.holder
    this.floor = parts.floor
  }

  /**
   * A transaction without the schema's lock, which `last` ends as soon as what was asked before is done; `server` tells who is asked. Run again
   * where its answer was lost: it must not matter if it happened twice.
   */
  async burst<T>(use: (query: Query, last: () => void, server: string) => Promise<T>): Promise<T> {
    const { pool, statements, clock, outageMs } = this.#parts
    const since = clock.monotonicMs()
    for (let tries = 1; ; tries++) {
      try {
        return await pool.with(async (connection) => {
          const query: Query = (name, values = []) => connection.query(statements.get(name), values)
          const begun = connection.query(statements.begin)
          const ended: Promise<unknown>[] = []
          const last = (): void => {
            if (ended.length > 0) return
            const end = connection.query(statements.plain('commit'))
            ended.push(end)
            // It is waited for below, whatever happens before.
            end.catch(() => {})
          }
          try {
            const [, result] = await Promise.all([begun, use(query, last, connection.server)])
            last()
            await ended[0]
            return result
          } catch (error) {
            await connection.query(statements.plain('rollback')).catch(() => {})
            throw error
          }
        })
      } catch (error) {
        if (error instanceof PosthornError) throw error
        const failure = failureOf(error)
        if (failure === 'refused' || failure === 'broken') throw error
        if (clock.monotonicMs() - since >= outageMs)
          throw new PosthornError('unknown', 'the answer of the database was lost', { cause: error })
        await waitOut(clock, Math.min(10 * 2 ** tries, 500))
      }
    }
  }

  /**
   * A statement that is a transaction of its own, tried once; null where it was not.
   * @param isSound asked when there is a connection: it may be to another server than when it was asked for
   */
  once(name: string, values: readonly unknown[], isSound: () => boolean): Promise<Answer | null> {
    const { pool, statements } = this.#parts
    return pool.with(async (connection) => {
      return isSound() ? askAlone(connection, statements, name, values) : null
    })
  }

  moment(): Moment {
    return this.#parts.moment()
  }

  /** At that moment time had nothing to decide. */
  hasSeen(now: number): void {
    this.#parts.transactor.hasSeen(now)
  }

  /** A burst that sees what users' transactions have brought. What falls due is left to who looks for it. */
  async seeing<T>(use: (query: Query) => Promise<T>): Promise<T> {
    for (let round = 0; ; round++) {
      const result = await this.burst(async (query) => {
        // Asked first: what arrives after that may be seen or not.
        const [{ rows }, value] = await Promise.all([query('arrivals'), use(query)])
        return rows[0]!.is_there === true && round < ROUNDS ? null : { value }
      })
      if (result !== null) return result.value
      await this.#parts.transactor.sweep()
    }
  }

  async now(query: Query): Promise<Instant & { readonly isDue: boolean; readonly isLapsed: boolean }> {
    const { now, wall } = this.#parts.moment()
    const { rows } = await query('start', [now, wall, false, this.floor.until])
    const start = rows[0]!
    const instant = {
      now: start.now as number,
      wall: start.wall as number,
      isDue: start.is_due === true,
      isLapsed: start.is_lapsed === true,
    }
    if (!instant.isDue && !instant.isLapsed) this.#parts.transactor.hasSeen(instant.now)
    return instant
  }

  /** A burst that does nothing where time has something to decide. */
  async atRest(use: (query: Query) => Promise<void>): Promise<void> {
    await this.burst(async (query) => {
      const { isDue, isLapsed } = await this.now(query)
      if (!isDue && !isLapsed) await use(query)
    })
  }

  /** A burst at a moment at which time has nothing to decide. */
  async looking<T>(
    use: (query: Query, moment: Promise<Instant>, last: () => void, server: string) => Promise<T>,
  ): Promise<T> {
    let isPassedOver = false
    for (let round = 0; ; round++) {
      const result = await this.burst(async (query, last, server) => {
        const moment = this.now(query)
        // What is due must be decided first: nobody goes on from here.
        const instant = moment.then((each) =>
          (each.isDue || (each.isLapsed && !isPassedOver)) && round < ROUNDS ? Promise.reject(DUE) : each,
        )
        instant.catch(() => {})
        try {
          const value = await use(query, instant, last, server)
          await instant
          return { value }
        } catch (error) {
          if (error === DUE) return null
          throw error
        }
      })
      if (result !== null) return result.value
      isPassedOver = !(await this.#parts.transactor.sweep())
    }
  }
}
