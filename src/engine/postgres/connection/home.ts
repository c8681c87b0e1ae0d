/**
 * The session that a process keeps for itself. By its lock others know that this process lives: leases that it holds in its own name lapse
 * when the lock is free. Over it the process hears what others tell, and tells them. Behind a pooler that shares sessions there is none: then
 * leases lapse by their time alone, and what others did is found by looking.
 */
import type { Clock } from '../../../core/clock.ts'
import { dial, hangUp } from './dial.ts'
import type { Connection, Driver } from './driver.ts'
import { Ear } from './ear.ts'
import { GREETINGS } from '../hint/channel.ts'
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
  /** What another process tells, and over which channel. */
  readonly heard: (text: string, channel: string) => void
  /** The session has ended: until there is another, others take this process for gone. */
  readonly lost: () => void
}

export class Home {
  readonly #parts: HomeParts
  /** Of the channels of this schema. */
  readonly #prefix: string
  #connection: Connection | null = null
  #ear: Ear | null = null
  /** Of the session before: it may be there yet, half-open, with the lock. */
  #pid: number | null = null

  constructor(parts: HomeParts) {
    this.#parts = parts
    this.#prefix = `posthorn_${(parts.lockKey >>> 0).toString(36)}`
  }

  get isHeld(): boolean {
    return this.#connection !== null
  }

  /** It had a session, now or before. */
  get wasHeld(): boolean {
    return this.#pid !== null
  }

  /** It can tell others, and hear of them. */
  get isListening(): boolean {
    return this.isHeld && !this.#parts.isSilent
  }

  /** It hears all that others tell over the channels, so that it need not look often. */
  hears(channels: Iterable<string>): boolean {
    return this.isListening && this.#ear!.hears(this.#named(channels))
  }

  /** Resolves when it hears all that is told over them from then on, or cannot: whether it had not heard all of them before. */
  async listenTo(channels: Iterable<string>): Promise<boolean> {
    return this.isListening && this.#ear!.listenTo(this.#named(channels)).catch(() => true)
  }

  /** To be called now and then: what is not watched for long is heard no more. */
  async letGoOfAllBut(watched: ReadonlySet<string>): Promise<void> {
    if (!this.isListening) return
    const kept = new Set([...this.#named(watched), this.#name(GREETINGS)])
    await this.#ear!.letGoOf((name) => kept.has(name))
  }

  /** Takes a session, and keeps it. */
  async hold(): Promise<void> {
    const { clock, driver, heard, isSilent, lockKey, lost, process, pulse, statements } = this.#parts
    const plain = await dial(driver, clock)
    const connection = pulse?.watch(plain) ?? plain
    const ear = new Ear({ connection, statements, clock })
    connection.onLost(() => {
      if (this.#connection !== connection) return
      this.#connection = null
      lost()
    })
    try {
      if (!isSilent) {
        connection.onNotice((text, pid, name) => {
          if (pid !== connection.pid) heard(text, name.slice(this.#prefix.length))
        })
        await ear.listenTo([this.#name(GREETINGS)])
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
    this.#ear = ear
    this.#connection = connection
  }

  /** Processes whose lock is free, and how many there are in all. */
  async census(): Promise<{ readonly gone: readonly number[]; readonly count: number }> {
    const { lockKey, process, statements } = this.#parts
    const { rows } = await this.#connection!.query(statements.get('find-gone'), [lockKey, process])
    const gone = rows.flatMap((row) => (row.is_gone === true ? [row.process as number] : []))
    return { gone, count: rows.length - gone.length }
  }

  /** Tells all other processes that listen to the channels, each of them something. */
  async tell(texts: ReadonlyMap<string, string>): Promise<void> {
    await this.#connection?.query(this.#parts.statements.get('tell'), [this.#named(texts.keys()), [...texts.values()]])
  }

  async close(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    if (connection !== null) await hangUp(connection, this.#parts.clock)
  }

  #name(channel: string): string {
    return this.#prefix + channel
  }

  #named(channels: Iterable<string>): string[] {
    return [...channels].map((channel) => this.#name(channel))
  }
}
