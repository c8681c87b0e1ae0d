/**
 * The connections of an engine: made when they are needed, used by one at a time, made anew after an outage, with growing pauses, for as
 * long as the engine is open.
 */
import type { Clock } from '../../../core/clock.ts'
import { isPosthornError, PosthornError } from '../../../core/error.ts'
import { dial, hangUp } from './dial.ts'
import type { Connection, Driver } from './driver.ts'
import { isTurnedAway } from './failure.ts'
import { waitOut } from './outage.ts'
import type { Pulse } from './pulse.ts'

export interface PoolOptions {
  readonly driver: Driver
  readonly clock: Clock
  /** null: nobody finds out whether a silent connection is dead. */
  readonly pulse: Pulse | null
  /** Connections at once. */
  readonly size: number
  /** How long a call waits for a database that is away. */
  readonly outageMs: number
  /**
   * What is known of the database may be so no more: a server that has taken over for another may not have what was confirmed last. One
   * is gone, for whatever reason; or one is new and to another server, while those to the old one do not know yet.
   */
  readonly forget?: () => void
  /** What a failure means, where the connection that is free again can say more of it. Default: what it says. */
  readonly explain?: (error: unknown, connection: Connection) => Promise<unknown>
}

const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 1_000

interface Member {
  readonly connection: Connection
  isLost: boolean
}

export class Pool {
  readonly #options: PoolOptions
  readonly #idle: Member[] = []
  readonly #waiting: (() => void)[] = []
  readonly #members = new Set<Member>()
  #count = 0
  /** Of the newest connection; null: there was none. */
  #server: string | null = null
  #wasAway = false
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** @throws PosthornError `closed`, `unknown` where there is no database, `invalid-option` where it refuses the URL, or what `use` throws */
  async with<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    const member = await this.#take()
    try {
      return await use(member.connection)
    } catch (error) {
      throw (await this.#options.explain?.(error, member.connection)) ?? error
    } finally {
      this.#give(member)
    }
  }

  /** It had to try again for a connection. */
  get wasAway(): boolean {
    return this.#wasAway
  }

  /** What is under way has ended before. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#options.pulse?.close()
    for (const wake of this.#waiting.splice(0)) wake()
    await Promise.all([...this.#members].map(({ connection }) => hangUp(connection, this.#options.clock)))
  }

  async #take(): Promise<Member> {
    for (;;) {
      if (this.#isClosed) throw closed()
      const member = this.#idle.pop()
      if (member !== undefined) {
        if (!member.isLost) return member
        continue
      }
      if (this.#count < this.#options.size) return this.#connect()
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  #give(member: Member): void {
    if (!member.isLost) this.#idle.push(member)
    this.#waiting.shift()?.()
  }

  async #connect(): Promise<Member> {
    const { clock, driver, outageMs, pulse } = this.#options
    this.#count++
    const since = clock.monotonicMs()
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        const connection = await dial(driver, clock)
        if (this.#isClosed) {
          await connection.end(true)
          throw closed()
        }
        const member: Member = { connection: pulse?.watch(connection) ?? connection, isLost: false }
        if (this.#server !== null && this.#server !== connection.server) this.#options.forget?.()
        this.#server = connection.server
        this.#members.add(member)
        member.connection.onLost(() => this.#lose(member))
        return member
      } catch (error) {
        // Before anything has worked, a server that says no to the user or the database will not say yes by itself.
        const isFinal = this.#server === null && isTurnedAway(error)
        if (isFinal || this.#isClosed || clock.monotonicMs() - since >= outageMs) {
          this.#count--
          this.#waiting.shift()?.()
          throw isPosthornError(error)
            ? error
            : isFinal
              ? new PosthornError('invalid-option', `the database refuses the URL: ${reasonOf(error)}`, {
                  details: { field: 'url' },
                  cause: error,
                })
              : new PosthornError('unknown', `the database cannot be reached: ${reasonOf(error)}`, { cause: error })
        }
        this.#wasAway = true
        await waitOut(clock, pauseMs)
      }
    }
  }

  #lose(member: Member): void {
    if (member.isLost) return
    member.isLost = true
    this.#members.delete(member)
    this.#count--
    if (!this.#isClosed) this.#options.forget?.()
    this.#waiting.shift()?.()
  }
}

const closed = (): PosthornError => new PosthornError('closed', 'the engine is closed')

/** Of several addresses that were tried, the code that they share. Drivers' messages name hosts, users and databases, no passwords. */
function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  return message || code || String(error)
}
