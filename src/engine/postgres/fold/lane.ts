/**
 * Folds of one kind, in order. Small ones are on one connection, two on their way at once: while the server is at work on one, the next is made
 * ready here. Large ones have a connection each, as many as the lane is wide, so that one is written while another waits for the disk: the next
 * begins as soon as the place of the one before is drawn. What comes together while nothing is on its way is halved, or all who wait would wait
 * for the same answer again and again. A lone caller is sent at once. Where this process has other work under way beside, nobody is idle meanwhile:
 * then there is one small fold at a time, and it takes all that waits and whoever was answered by the one before, which costs both sides less. So it is
 * where several other processes share the server, as long as many are to be sent: few go at once there too.
 */
import type { Connection } from '../connection/driver.ts'
import type { Pool } from '../connection/pool.ts'

/** Small folds on their way at once. */
const DEPTH = 2
/** Less than this is few: not worth two folds, nor a wait. */
const MANY = 32
/** So much is worth a connection for itself, and a round trip for its place. */
const LARGE = 256
/** After so many folds another may have the connection. */
const TURN = 64

export interface LaneParts<T> {
  readonly pool: Pool
  /** What one fold takes at most, by weight. */
  readonly most: number
  /** Connections for large folds. Default 1: there are none. */
  readonly width?: number
  readonly weightOf: (item: T) => number
  /** Whether other folds are under way beside this lane's. Default: never. */
  readonly isBeside?: () => boolean
  /** Whether several other processes keep the server at work. Default: never. */
  readonly isCrowded?: () => boolean
  /**
   * Whether the connection can still be used. Must not fail.
   * @param placed to be called when whatever begins later stands behind it; null: nobody waits for that
   */
  readonly fold: (connection: Connection, items: readonly T[], placed: (() => void) | null) => Promise<boolean>
  /** There is no connection to be had. */
  readonly fail: (items: readonly T[], error: unknown) => void
}

/** A connection for as long as the lane has it. */
interface Track {
  readonly connection: Connection
  readonly leave: () => void
  underWay: number
  /** One that nothing may be sent behind. */
  hasLarge: boolean
  /** Folds of which it is not known that they have their places. */
  unplaced: number
  /** Folds of this turn that are left. */
  left: number
}

export class Lane<T> {
  readonly #parts: LaneParts<T>
  readonly #width: number
  #waiting: T[] = []
  /** Of what waits. */
  #weight = 0
  /** Of what is under way. */
  #sentWeight = 0
  #tracks: Track[] = []
  #isOpening = false
  #isPumping = false

  constructor(parts: LaneParts<T>) {
    this.#parts = parts
    this.#width = parts.width ?? 1
  }

  /** It has folds under way. */
  get isBusy(): boolean {
    return this.#tracks.some(({ underWay }) => underWay > 0)
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
    while (this.#waiting.length > 0) {
      const isOne = this.#isOneAtATime
      const { items, weight } = this.#next(isOne)
      const depth = isOne || this.#isLarge(weight) ? 1 : DEPTH
      const track = this.#tracks.find((each) => this.#takes(each, depth))
      if (track === undefined) break
      this.#waiting = this.#waiting.slice(items.length)
      this.#weight -= weight
      void this.#fold(track, items, weight)
    }
    const isWaiting = this.#waiting.length > 0
    const wanted = !isWaiting ? 0 : this.#weight >= LARGE ? this.#width : 1
    for (const track of this.#tracks) if (track.underWay === 0 && (!isWaiting || track.left === 0)) this.#leave(track)
    if (!this.#isOpening && this.#tracks.length < wanted) void this.#open()
  }

  get #isOneAtATime(): boolean {
    const { isBeside, isCrowded } = this.#parts
    return isBeside?.() === true || (this.#weight + this.#sentWeight >= MANY && isCrowded?.() === true)
  }

  #isLarge(weight: number): boolean {
    return this.#width > 1 && weight >= LARGE
  }

  /** Whether the next fold can begin on it now, beside less than so many. */
  #takes(track: Track, depth: number): boolean {
    const isFree = track.left > 0 && !track.hasLarge && track.underWay < depth
    return isFree && this.#tracks.every((other) => other === track || other.unplaced === 0)
  }

  #leave(track: Track): void {
    this.#tracks = this.#tracks.filter((other) => other !== track)
    track.leave()
  }

  async #open(): Promise<void> {
    this.#isOpening = true
    try {
      await this.#parts.pool.with((connection) => {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#isOpening = false
        const track = { connection, leave: resolve, underWay: 0, hasLarge: false, unplaced: 0, left: TURN }
        this.#tracks = [...this.#tracks, track]
        this.#pump()
        return promise
      })
    } catch (error) {
      this.#isOpening = false
      // Whoever waits for one that there is does not need another.
      if (this.#tracks.length > 0) return
      const items = this.#waiting
      this.#waiting = []
      this.#weight = 0
      this.#parts.fail(items, error)
    }
    this.#pump()
  }

  async #fold(track: Track, items: readonly T[], weight: number): Promise<void> {
    const isLarge = this.#isLarge(weight)
    let isPlaced = false
    const place = (): void => {
      if (isPlaced) return
      isPlaced = true
      track.unplaced--
    }
    const placed = (): void => {
      place()
      this.#pump()
    }
    track.underWay++
    track.unplaced++
    track.left--
    track.hasLarge = isLarge
    this.#sentWeight += weight
    const isSound = await this.#parts.fold(track.connection, items, isLarge ? placed : null)
    place()
    track.underWay--
    track.hasLarge = false
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
