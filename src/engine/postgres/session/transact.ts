/**
 * Runs a decision as one transaction under the schema's lock: after what time has decided, written whole, and answered when it is durable.
 * If the answer to the commit is lost, the next try finds out whether it happened.
 */
import type { Clock } from '../../../core/clock.ts'
import { PosthornError } from '../../../core/error.ts'
import type { Answer, Connection } from '../connection/driver.ts'
import type { Notice } from '../hint/hint.ts'
import { failureOf } from '../connection/failure.ts'
import type { Floor } from './floor.ts'
import type { EngineLimits } from './limit.ts'
import { waitOut } from '../connection/outage.ts'
import type { Pool } from '../connection/pool.ts'
import type { RefusedArrival } from '../row/row.ts'
import type { Statements } from '../sql/statement.ts'
import { sweepRound } from '../time/sweep.ts'
import { writesOf } from '../unit/flush.ts'
import type { KnownTopics } from '../unit/known-topics.ts'
import { noticesOf } from '../unit/passed-over.ts'
import { Work } from '../unit/unit-of-work.ts'

/** Both are null where the database's own clock is used. */
export interface Moment {
  readonly now: number | null
  readonly wall: number | null
}

export interface TransactorParts {
  readonly pool: Pool
  readonly statements: Statements
  readonly clock: Clock
  readonly limits: EngineLimits
  readonly moment: () => Moment
  /** Names the schema among the database's advisory locks. */
  readonly lockKey: number
  readonly process: number
  readonly hint: (notices: readonly Notice[]) => void
  /** What a user's transaction has brought could not be decided: it stays where it is, and nothing came of it. */
  readonly refused: (arrival: RefusedArrival) => void
  readonly outageMs: number
  readonly floor: Floor
  readonly knownTopics: KnownTopics
}

export interface Decision<T> {
  /** Loads what it will need, before anything is known of the moment. */
  load?(work: Work): Promise<void>
  decide(work: Work): Promise<T>
}

const TRIES = 5
const ROUNDS = 100

/** What was decided, until it is known whether it was committed. */
interface Pending<T> {
  readonly serial: number
  readonly result: T
  readonly told: Told
}

/** What is told when it is durable. */
interface Told {
  readonly hints: Notice[]
  readonly refused: RefusedArrival[]
}

export class Transactor {
  readonly #parts: TransactorParts
  /** Engine time up to which this process has seen what time decides. */
  #sweptAt = -Infinity
  /** Rounds of a sweep that changed something. */
  #rounds = 0

  constructor(parts: TransactorParts) {
    this.#parts = parts
  }

  async run<T>(decision: Decision<T>): Promise<T> {
    const { clock, outageMs } = this.#parts
    const since = clock.monotonicMs()
    let pending: Pending<T> | null = null
    for (let tries = 1; ; tries++) {
      const before: Pending<T> | null = pending
      try {
        return await this.#parts.pool.with((connection) =>
          this.#once(connection, decision, before, (decided) => (pending = decided)),
        )
      } catch (error) {
        if (error instanceof PosthornError) throw error
        const failure = failureOf(error)
        const isSaid = failure === 'refused' || failure === 'passing'
        // A transaction that was refused did not happen; of an earlier one that says nothing.
        if (isSaid && pending !== before) pending = null
        const isFinal = failure === 'refused' || failure === 'broken'
        if ((isFinal || (failure === 'passing' && tries >= TRIES)) && pending === null) throw error
        if (isFinal || clock.monotonicMs() - since >= outageMs)
          throw new PosthornError('unknown', 'the answer of the database was lost', { cause: error })
        await waitOut(clock, Math.min(10 * 2 ** tries, 500))
      }
    }
  }

  /** At that moment time had nothing to decide, so whatever is found later fell due later. */
  hasSeen(now: number): void {
    this.#sweptAt = Math.max(this.#sweptAt, now)
  }

  /** Lets time decide what it has to. Whether there was anything that could be decided. */
  async sweep(): Promise<boolean> {
    const before = this.#rounds
    await this.run({ decide: () => Promise.resolve() })
    return this.#rounds !== before
  }

  async #once<T>(
    connection: Connection,
    decision: Decision<T>,
    before: Pending<T> | null,
    decided: (pending: Pending<T>) => void,
  ): Promise<T> {
    const { statements, lockKey } = this.#parts
    const begun = [connection.query(statements.begin), connection.query(statements.get('lock'), [lockKey])]
    try {
      if (before !== null) {
        await all(begun)
        const { rows } = await connection.query(statements.get('find-fold'), [before.serial])
        if (rows.length > 0) {
          await connection.query(statements.plain('commit'))
          this.#tell(before.told)
          return before.result
        }
      }
      const told: Told = { hints: [], refused: [] }
      const work = await this.#atRest(connection, decision, told, begun)
      const result = await decision.decide(work)
      for (const hint of noticesOf(work)) told.hints.push(hint)
      await work.reserve(1)
      const serial = work.serial()
      const writes = writesOf(work, serial)
      if (writes.length > 0) decided({ serial, result, told })
      const last = writes.length > 0 ? ([['insert-fold', [serial]]] as const) : []
      await all([
        ...[...writes, ...last].map(([name, values]) => connection.query(statements.get(name), values)),
        connection.query(statements.plain('commit')),
      ])
      for (const each of work.learnt) this.#parts.knownTopics.learn(each)
      this.hasSeen(work.now)
      this.#tell(told)
      return result
    } catch (error) {
      await connection.query(statements.plain('rollback')).catch(() => {})
      throw error
    }
  }

  #tell({ hints, refused }: Told): void {
    if (hints.length > 0) this.#parts.hint(hints)
    for (const arrival of refused) this.#parts.refused(arrival)
  }

  /** A unit of work when time has nothing to decide any more. */
  async #atRest<T>(
    connection: Connection,
    decision: Decision<T>,
    told: Told,
    begun: readonly Promise<unknown>[],
  ): Promise<Work> {
    const { statements, moment } = this.#parts
    const { now, wall } = moment()
    for (let round = 0; ; round++) {
      const work = new Work({ connection, ...this.#parts })
      const started = connection.query(statements.get('start'), [now, wall, true, this.#parts.floor.until])
      await all<unknown>([...begun, started, decision.load?.(work)])
      const start = (await started).rows[0]!
      work.now = start.now as number
      work.wall = start.wall as number
      work.startSerials(start.serial as number)
      if ((start.is_due !== true && start.is_lapsed !== true) || round >= ROUNDS) return work
      const fresh = new Work({ connection, ...this.#parts })
      Object.assign(fresh, { now: work.now, wall: work.wall })
      fresh.startSerials(start.serial as number)
      await sweepRound(fresh, this.#sweptAt === -Infinity ? fresh.now : this.#sweptAt)
      for (const hint of noticesOf(fresh)) told.hints.push(hint)
      for (const arrival of fresh.unseated) told.refused.push(arrival)
      await fresh.reserve(1)
      const writes = writesOf(fresh, fresh.serial())
      // What is due is in the hands of a user's transaction that is just ending.
      if (writes.length === 0) return work
      this.#rounds++
      await all(writes.map(([name, values]) => connection.query(statements.get(name), values)))
    }
  }
}

/** Waits for all, so that none fails unheard, and throws what failed first. */
export async function all<T>(promises: readonly (T | PromiseLike<T>)[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(promises)
  const failed = settled.find((each) => each.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return settled.map((each) => (each as PromiseFulfilledResult<Awaited<T>>).value as T)
}

/** A statement that is a transaction of its own. Behind a pooler that is told what else a session is told. */
export async function askAlone(
  connection: Connection,
  statements: Statements,
  name: string,
  values: readonly unknown[],
): Promise<Answer> {
  if (statements.isPrepared) return connection.query(statements.get(name), values)
  const [, answer] = await all([
    connection.query(statements.begin),
    connection.query(statements.get(name), values),
    connection.query(statements.plain('commit')),
  ])
  return answer as Answer
}
