/**
 * Folds of one kind on one connection, in order, two on their way at once: while the server is at work on one, the next is made ready here.
 * What comes together while nothing is on its way is halved, or all who wait would wait for the same answer again and again. A lone caller
 * is sent at once.
 */
import type { Connection } from './driver.ts'
import type { Pool } from './pool.ts'

/** On their way at once. */
const DEPTH = 2
/** Less than this is not worth two folds. */
const WORTH_HALVING = 32
/** After so many folds another may have the connection. */
const TURN = 64

export interface LaneParts<T> {
  readonly pool: Pool
  /** What one fold takes at most, by weight. */
  readonly most: number
  readonly weightOf: (item: T) => number
  /** Whether the connection can still be used. Must not fail. */
  readonly fold: (connection: Connection, items: readonly T[]) => Promise<boolean>
  /** There is no connection to be had. */
  readonly fail: (items: readonly T[], error: unknown) => void
}

export class Lane<T> {
  readonly #parts: LaneParts<T>
  #waiting: T[] = []
  /** Of what waits. */
  #weight = 0
  #connection: Connection | null = null
  #isOpening = false
  #isPumping = false
  #underWay = 0
  /** Folds of this turn that are left. */
  #left = 0
  #leave: (() => void) | null = null

  constructor(parts: LaneParts<T>) {
    this.#parts = parts
  }

  add(item: T): void {
    this.#waiting.push(item)
    this.#weight += this.#parts.weightOf(item)
    if (this.#isPumping) return
    this.#isPumping = true
    // All that is asked in this turn comes together.
    queueMicrotask(() => {
      this.#isPumping = false
      this.#pump()
    })
  }

  #pump(): void {
    if (this.#connection === null) {
      if (!this.#isOpening && this.#waiting.length > 0) void this.#open()
      return
    }
    while (this.#waiting.length > 0 && this.#left > 0 && this.#underWay < DEPTH) void this.#fold(this.#connection)
    if (this.#underWay === 0) this.#leave?.()
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      await this.#parts.pool.with((connection) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#connection = connection
        this.#left = TURN
        this.#leave = () => {
          this.#connection = this.#leave = null
          resolve()
        }
        this.#pump()
        return promise
      })
    } catch (error) {
      const items = this.#waiting
      this.#waiting = []
      this.#weight = 0
      this.#parts.fail(items, error)
    }
    this.#isOpening = false
    this.#pump()
  }

  async #fold(connection: Connection): Promise<void> {
    this.#underWay++
    this.#left--
    const isSound = await this.#parts.fold(connection, this.#take())
    this.#underWay--
    if (!isSound) this.#left = 0
    this.#pump()
  }

  #take(): readonly T[] {
    const { most, weightOf } = this.#parts
    const isFirst = this.#underWay === 1 && this.#weight >= WORTH_HALVING
    const room = Math.min(most, isFirst ? Math.ceil(this.#weight / 2) : most)
    let weight = 0
    let count = 0
    while (count < this.#waiting.length) {
      const more = weightOf(this.#waiting[count]!)
      if (count > 0 && weight + more > room) break
      weight += more
      count++
    }
    const items = this.#waiting.slice(0, count)
    this.#waiting = this.#waiting.slice(count)
    this.#weight -= weight
    return items
  }
}
