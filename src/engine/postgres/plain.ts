/**
 * The short way for folds of nothing but plain sends: messages that are ready at once, in queues that are known and far from full. One
 * statement, no lock. Whatever does not fit takes the long way, which also finds out what this one has to know.
 */
import type { Clock } from '../../core/clock.ts'
import type { Commit, CommitResult } from '../../core/engine.ts'
import { faultOfMessage, HIGHEST_PRIORITY, type Message } from '../../core/message.ts'
import { failureOf } from './failure.ts'
import type { Notice } from './hint.ts'
import type { EngineLimits } from './limit.ts'
import type { Pool } from './pool.ts'
import type { Queue } from './row.ts'
import type { Statements } from './statement.ts'
import type { Moment, Transactor } from './transact.ts'
import type { Work } from './unit/unit-of-work.ts'

/** A queue is far from its limit where that is as large as this and half of it is free. */
const LARGE_LIMIT = 100_000
/** So many messages are sent, and for so long, before the queue is looked at again. */
const MOST = 10_000
const KNOWN_MS = 1_000
/** Messages of one statement: as many as a draw of numbers has. */
const LARGEST = 4_000
/** So many sends of a process that failed or not are told apart. */
const SENDS = 2 ** 30

interface Known {
  readonly number: number
  readonly settings: string
  readonly lineBy: string
  left: number
  /** On the process's own clock. */
  readonly until: number
}

export interface PlainParts {
  readonly pool: Pool
  readonly statements: Statements
  readonly limits: EngineLimits
  readonly clock: Clock
  readonly moment: () => Moment
  readonly process: number
  readonly transactor: Transactor
  readonly hint: (notices: readonly Notice[]) => void
}

interface Sending {
  readonly queue: Known
  readonly message: Message
}

export class PlainSends {
  readonly #parts: PlainParts
  readonly #queues = new Map<string, Known>()
  #count = 0

  constructor(parts: PlainParts) {
    this.#parts = parts
  }

  /** Takes note of the queues that a unit of work had in hand. */
  learn(work: Work): void {
    for (const queue of work.queuesByNumber.values()) {
      if (isPlain(queue)) this.#queues.set(queue.name, this.#known(queue))
      else this.#queues.delete(queue.name)
    }
  }

  #known({ number, settings, lineBy }: Queue): Known {
    const until = this.#parts.clock.monotonicMs() + KNOWN_MS
    return { number, settings: JSON.stringify(settings), lineBy, left: MOST, until }
  }

  /** null where the long way must be taken. Nothing has happened then. */
  async commit(commits: readonly Commit[]): Promise<readonly CommitResult[] | null> {
    const sendings = this.#sendingsOf(commits)
    if (sendings === null) return null
    const { process, hint } = this.#parts
    const fold = -(process * SENDS + (this.#count++ % SENDS))
    if (!(await this.#send(sendings, fold))) return null
    for (const { queue } of sendings) queue.left--
    const names = new Set(
      commits.flatMap(({ changes }) => changes.map((change) => (change as { queue: string }).queue)),
    )
    hint([...names].map((queue) => ({ queue })))
    return commits.map(({ changes }) => ({
      status: 'committed',
      durability: 'disk',
      replayed: false,
      results: changes.map((change) => ({ id: (change as { message: Message }).message.id, duplicate: false })),
    }))
  }

  #sendingsOf(commits: readonly Commit[]): readonly Sending[] | null {
    const sendings: Sending[] = []
    const now = this.#parts.clock.monotonicMs()
    for (const { id, durability, changes } of commits) {
      const isOdd = id !== undefined || (durability !== undefined && durability !== 'os' && durability !== 'disk')
      if (isOdd || !Array.isArray(changes) || changes.length === 0) return null
      for (const change of changes) {
        if (change?.do !== 'send' || sendings.length === LARGEST) return null
        const queue = this.#queues.get(change.queue)
        if (queue === undefined || queue.until < now || !this.#isPlain(change.message)) return null
        sendings.push({ queue, message: change.message })
      }
    }
    const counts = new Map<Known, number>()
    for (const { queue } of sendings) counts.set(queue, (counts.get(queue) ?? 0) + 1)
    return [...counts].every(([queue, count]) => count <= queue.left) ? sendings : null
  }

  /** Ready as soon as it is there, and beside all others. */
  #isPlain(message: Message): boolean {
    if (typeof message !== 'object' || message === null) return false
    const { key, delay, expires, dedupe } = message
    const isAlone = key === undefined && delay === undefined && expires === undefined && dedupe === undefined
    return isAlone && faultOfMessage(message, this.#parts.limits.bodyBytes) === null
  }

  /** Whether it happened. Where the answer is lost, that is looked up. */
  async #send(sendings: readonly Sending[], fold: number): Promise<boolean> {
    const { pool, statements, moment } = this.#parts
    const queues = [...new Set(sendings.map(({ queue }) => queue))]
    const values = [
      moment().now,
      fold,
      queues.map(({ number }) => number),
      queues.map(({ settings }) => settings),
      queues.map(({ lineBy }) => lineBy),
      sendings.map(({ queue }) => queue.number),
      sendings.map(({ message }) => message.id),
      sendings.map(({ message }) => HIGHEST_PRIORITY - message.priority),
      sendings.map(({ message }) => message.body.byteLength),
      sendings.map(({ message }) => message.report ?? null),
      sendings.map(({ message }) => attributesOf(message)),
      sendings.map(({ message }) => message.body),
    ]
    try {
      const { rows } = await pool.with((connection) => connection.query(statements.get('send'), values))
      if (rows[0]!.count !== 0) return true
    } catch (error) {
      // A duplicate, or somebody stands in the way: the long way knows what to do.
      if (failureOf(error) !== 'lost') return false
      return this.#isThere(fold)
    }
    // A queue is no more as it was known.
    for (const [name, queue] of this.#queues) if (queues.includes(queue)) this.#queues.delete(name)
    return false
  }

  /**
   * Whether the fold happened. If not it never will: its number is taken from now on, so a statement that is still on its way fails.
   */
  async #isThere(fold: number): Promise<boolean> {
    return this.#parts.transactor.run({
      decide: async (work) => {
        await work.query('fence', [fold])
        const { rows } = await work.query('find-fold', [fold])
        return rows[0]?.is_fence === false
      },
    })
  }
}

function isPlain({ isGone, isUnbound, lineBy, settings, counted, tally }: Queue): boolean {
  const { limit, idleExpiryMs } = settings
  if (isGone || isUnbound || lineBy === 'strict' || idleExpiryMs !== null || limit.bytes !== null) return false
  if (limit.messages === null) return true
  return counted !== null && limit.messages >= LARGE_LIMIT && (counted.living + tally.living) * 2 < limit.messages
}

function attributesOf(message: Message): string {
  const { id: _, body: _body, ...attributes } = message
  return JSON.stringify(attributes)
}
