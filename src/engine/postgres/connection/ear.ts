/** To what one session listens. What nobody watches any more it hears for a while yet: whoever waits for results watches again and again. */
import type { Clock } from '../../../core/clock.ts'
import type { Connection } from './driver.ts'
import type { Statements } from '../sql/statement.ts'

const LINGER_MS = 30_000

export interface EarParts {
  readonly connection: Connection
  readonly statements: Statements
  readonly clock: Clock
}

export class Ear {
  readonly #parts: EarParts
  readonly #asked = new Set<string>()
  /** When each was last known to be watched. */
  readonly #heard = new Map<string, number>()

  constructor(parts: EarParts) {
    this.#parts = parts
  }

  hears(channels: Iterable<string>): boolean {
    for (const channel of channels) if (!this.#heard.has(channel)) return false
    return true
  }

  /** Resolves when it hears all that is told from then on: whether of any channel that it did not hear before. */
  async listenTo(channels: Iterable<string>): Promise<boolean> {
    const wanted = [...channels]
    const fresh = wanted.filter((channel) => !this.#asked.has(channel))
    this.#note(wanted.filter((channel) => this.#heard.has(channel)))
    if (fresh.length === 0) return false
    for (const channel of fresh) this.#asked.add(channel)
    try {
      await this.#say('listen', fresh)
    } catch (error) {
      // The session may live: whoever asks again is not to be taken for one who has asked.
      for (const channel of fresh) this.#asked.delete(channel)
      throw error
    }
    this.#note(fresh)
    return true
  }

  /** To be called now and then. */
  async letGoOf(isWatched: (channel: string) => boolean): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs()
    const stale: string[] = []
    for (const [channel, atMs] of this.#heard) {
      if (isWatched(channel)) this.#heard.set(channel, nowMs)
      else if (nowMs - atMs >= LINGER_MS) stale.push(channel)
    }
    if (stale.length === 0) return
    for (const channel of stale) {
      this.#asked.delete(channel)
      this.#heard.delete(channel)
    }
    await this.#say('unlisten', stale)
  }

  #note(watched: readonly string[]): void {
    for (const channel of watched) this.#heard.set(channel, this.#parts.clock.monotonicMs())
  }

  async #say(verb: 'listen' | 'unlisten', channels: readonly string[]): Promise<void> {
    const { connection, statements } = this.#parts
    await connection.query(statements.plain(channels.map((channel) => `${verb} "${channel}"`).join('; ')))
  }
}
