/**
 * Folds of one kind, in order, on one connection, two on their way at once: while the server is at work on one, the next is made ready here. On
 * two connections they would be written at the same end of the same table and log, and cost the server more. What comes together while nothing is
 * on its way is halved, or all who wait would wait for the same answer again and again. A lone caller is sent at once. Where this process has other
 * work under way beside, nobody is idle meanwhile: then there is one fold at a time, and it takes all that waits and whoever was answered by the one
 * before, which costs both sides less. So it is where several other processes share the server, as long as many are to be sent: few go at once there too.
 */
import type { Connection } from '../connection/driver.ts'
import type { Pool } from '../connection/pool.ts'

/** Folds on their way at once. */
const DEPTH = 2
/** Less than this is few: not worth two folds, nor a wait. */
const MANY = 32
/** After so many folds another may have the connection. */
const TURN = 64

export interface LaneParts<T> {
  readonly pool: Pool
  /** What one fold takes at most, by weight. */
  readonly most: number
  readonly weightOf: (item: T) => number
  /** Whether other folds are under way beside this lane's. Default: never. */
  readonly isBeside?: () => boolean
  /** Whether several other processes keep the server at work. Default: never. */
  readonly isCrowded?: () => boolean
  /** Whether the connection can still be used. Must not fail. */
  readonly fold: (connection: Connection, items: readonly T[]) => Promise<boolean>
  /** There is no connection to be had. */
  readonly fail: (items: readonly T[], error: unknown) => void
}

/** A connection for as long as the lane has it. */
interface Track {
  readonly connection: Connection
  readonly leave: () => void
  underWay: number
  /** Folds of this turn that are left. */
  left: number
}

export class Lane<T> {
  readonly #parts: LaneParts<T>
  #waiting: T[] = []
  /** Of what waits. */
  #weight = 0
  /** Of what is under way. */
  #sentWeight = 0
  #track: Track | null = null
  #isOpening = false
  #isPumping = false

  constructor(parts: LaneParts<T>) {
    this.#parts = parts
  }

  /** It has folds under way. */
  get isBusy(): boolean {
    return this.#track !== null && this.#track.underWay > 0
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
    const track = this.#track
    while (this.#waiting.length > 0) {
      const isOne = this.#isOneAtATime
      if (track === null || track.left === 0 || track.underWay >= (isOne ? 1 : DEPTH)) break
      const { items, weight } = this.#next(isOne)
      this.#waiting = this.#waiting.slice(items.length)
      this.#weight -= weight
      void this.#fold(track, items, weight)
    }
    const isWaiting = this.#waiting.length > 0
    if (track?.underWay === 0 && (!isWaiting || track.left === 0)) {
      this.#track = null
      track.leave()
    }
    if (isWaiting && this.#track === null && !this.#isOpening) void this.#open()
  }

  get #isOneAtATime(): boolean {
    const { isBeside, isCrowded } = this.#parts
    return isBeside?.() === true || (this.#weight + this.#sentWeight >= MANY && isCrowded?.() === true)
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      await this.#parts.pool.with((connection) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#isOpening = false
        this.#track = { connection, leave: resolve, underWay: 0, left: TURN }
        this.#pump()
        return promise
      })
    } catch (error) {
      this.#isOpening = false
      const items = this.#waiting
      this.#waiting = []
      this.#weight = 0
      this.#parts.fail(items, error)
    }
    this.#pump()
  }

  async #fold(track: Track, items: readonly T[], weight: number): Promise<void> {
    track.underWay++
    track.left--
    this.#sentWeight += weight
    const isSound = await this.#parts.fold(track.connection, items)
    track.underWay--
    if (!isSound) track.left = 0
    const isOne = this.#isOneAtATime
    this.#sentWeight -= weight
    // Nobody is idle meanwhile: who was answered just now sends again in this turn, and comes along.
    if (isOne) setImmediate(() => this.#pump())
    else this.#pump()
  }

  /** What the next fold takes. */
  #next(isOne: boolean): { readonly items: readonly T[]; readonly weight: number } {
    const { most, weightOf } = this.#parts
    const isHalved = !isOne && this.#weight >= MANY && !this.isBusy
    const room = Math.min(most, isHalved ? Math.ceil(this.#weight / 2) : most)
    let weight = 0
    let count = 0
    while (count < this.#waiting.length) {
      const more = weightOf(this.#waiting[count]!)
      if (count > 0 && weight + more > room) break
      weight += more
      count++
    }
    return { items: this.#waiting.slice(0, count), weight }
  }
}
