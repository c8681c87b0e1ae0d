/**
 * The session that a process keeps for itself. By its lock others know that this process lives: leases that it holds in its own name lapse
 * when the lock is free. Over it the process hears what others tell, and tells them. Behind a pooler that shares sessions there is none: then
 * leases lapse by their time alone, and what others did is found by looking.
 */
import type { Clock } from '../../../core/clock.ts'
import { dial, hangUp } from './dial.ts'
import type { Connection, Driver } from './driver.ts'
import type { Pulse } from './pulse.ts'
import type { Statements } from '../sql/statement.ts'

export interface HomeParts {
  readonly process: number
  readonly driver: Driver
  readonly clock: Clock
  readonly pulse: Pulse | null
  readonly statements: Statements
  readonly lockKey: number
  /** Nobody listens and nobody is told. */
  readonly isSilent: boolean
  /** What another process tells. */
  readonly heard: (text: string) => void
}

export class Home {
  readonly #parts: HomeParts
  readonly #channel: string
  #connection: Connection | null = null
  /** Of the session before: it may be there yet, half-open, with the lock. */
  #pid: number | null = null

  constructor(parts: HomeParts) {
    this.#parts = parts
    this.#channel = `posthorn_${(parts.lockKey >>> 0).toString(36)}`
  }

  get isHeld(): boolean {
    return this.#connection !== null
  }

  /** It hears of what others do, so that it need not look often. */
  get isListening(): boolean {
    return this.isHeld && !this.#parts.isSilent
  }

  /** Takes a session, and keeps it. */
  async hold(): Promise<void> {
    const { clock, driver, heard, isSilent, lockKey, process, pulse, statements } = this.#parts
    const plain = await dial(driver, clock)
    const connection = pulse?.watch(plain) ?? plain
    connection.onLost(() => {
      if (this.#connection === connection) this.#connection = null
    })
    try {
      if (!isSilent) {
        connection.onNotice((text, pid) => {
          if (pid !== connection.pid) heard(text)
        })
        await connection.query(statements.plain(`listen "${this.#channel}"`))
      }
      await connection.query(statements.get('hold'), [lockKey, process, this.#pid])
      this.#pid = connection.pid
      // Meanwhile another process may have taken this one for gone.
      await connection.query(statements.get('keep-process'), [process])
    } catch (error) {
      // The next try makes its own: a server that says no every time would have them all.
      await connection.end(true)
      throw error
    }
    this.#connection = connection
  }

  /** Processes whose lock is free, and how many there are in all. */
  async census(): Promise<{ readonly gone: readonly number[]; readonly count: number }> {
    const { lockKey, process, statements } = this.#parts
    const { rows } = await this.#connection!.query(statements.get('find-gone'), [lockKey, process])
    const gone = rows.flatMap((row) => (row.is_gone === true ? [row.process as number] : []))
    return { gone, count: rows.length - gone.length }
  }

  /** Tells all other processes that are listening. */
  async tell(text: string): Promise<void> {
    await this.#connection?.query(this.#parts.statements.get('tell'), [this.#channel, text])
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) await hangUp(connection, this.#parts.clock)
  }
}
