/**
 * How fast one receiver is called. What it bears is found out: each answer in good time adds a little to the calls that may be under way,
 * a 429, a time-out or a delay that grows cuts them (additive increase, multiplicative decrease). A receiver that fails again and
 * again is left alone for a while, then asked with one call. All of it is this receiver's own: nobody waits for another.
 */
import type { Clock } from '../../core/clock.ts'
import type { Random } from '../../core/id.ts'
import type { Gate } from '../../runtime/capacity.ts'

export interface GateSettings {
  readonly concurrency: number
  readonly ratePerSecond: number | null
}

/** How a call ended, as far as the pace is concerned. */
export type Sign =
  /** Answered, whatever it said. */
  | 'fine'
  /** 429: it is called too often. */
  | 'throttled'
  /** No answer, or one of 500 and above. */
  | 'failed'

/** Failures in a row after which it is left alone. */
export const OPENS_AFTER = 5
const OPEN = { baseMs: 2_000, capMs: 300_000 }
const CUT = 0.5
const SLOW_CUT = 0.8
/** Slower than so many times its usual delay, and than so many milliseconds, is slow. */
const SLOW = { times: 4, ms: 500 }
/** How fast what is usual follows what is seen: by so much of the difference with each answer. */
const LEARNING = 0.05
/** Of a second: how much of an unused rate may be caught up at once. */
const BURST = 0.1

export class EndpointGate implements Gate {
  readonly #clock: Clock
  readonly #random: Random
  #settings: GateSettings
  #underWay = 0
  #limit: number
  #usualMs: number | null = null
  #cutAtMs = -Infinity
  #tokens = 1
  #filledAtMs: number
  #pausedUntilMs = -Infinity
  #failures = 0
  #openings = 0
  #openUntilMs = -Infinity
  #closed = false

  constructor(clock: Clock, random: Random, settings: GateSettings) {
    this.#clock = clock
    this.#random = random
    this.#settings = settings
    this.#limit = settings.concurrency
    this.#filledAtMs = clock.monotonicMs()
  }

  /** `closed`: calls are made · `open`: it is left alone · `half-open`: the next call shows whether it is back. */
  get circuit(): 'closed' | 'open' | 'half-open' {
    if (this.#failures < OPENS_AFTER) return 'closed'
    return this.#clock.monotonicMs() < this.#openUntilMs ? 'open' : 'half-open'
  }

  /** Calls that may be under way now. */
  get limit(): number {
    return Math.max(1, Math.floor(this.#limit))
  }

  get underWay(): number {
    return this.#underWay
  }

  room(): number {
    const nowMs = this.#clock.monotonicMs()
    if (this.#closed || nowMs < this.#pausedUntilMs) return 0
    if (this.#failures >= OPENS_AFTER) return nowMs >= this.#openUntilMs && this.#underWay === 0 ? 1 : 0
    const room = this.limit - this.#underWay
    if (this.#settings.ratePerSecond === null || room <= 0) return room
    this.#fill(nowMs)
    return Math.min(room, Math.floor(this.#tokens))
  }

  get opensAtMs(): number {
    const nowMs = this.#clock.monotonicMs()
    if (this.#closed) return Infinity
    if (nowMs < this.#pausedUntilMs) return this.#pausedUntilMs
    if (this.#failures >= OPENS_AFTER) return this.#underWay === 0 ? Math.max(nowMs, this.#openUntilMs) : Infinity
    const { ratePerSecond } = this.#settings
    if (ratePerSecond === null || this.#underWay >= this.limit || this.#tokens >= 1) return Infinity
    // A millisecond late is better than a moment early, which would only wake for nothing.
    return this.#filledAtMs + Math.ceil(((1 - this.#tokens) * 1_000) / ratePerSecond) + 1
  }

  took(): void {
    this.#underWay++
    if (this.#settings.ratePerSecond !== null) this.#tokens--
  }

  gave(): void {
    this.#underWay--
  }

  /** @returns whether it was left alone from this call on, or is called again */
  note(sign: Sign, delayMs: number): 'opened' | 'recovered' | null {
    const nowMs = this.#clock.monotonicMs()
    if (sign === 'failed') {
      this.#cut(nowMs, delayMs, CUT)
      this.#failures++
      if (this.#failures < OPENS_AFTER) return null
      // Calls that were under way when it was left alone tell nothing new.
      if (nowMs < this.#openUntilMs) return null
      this.#openUntilMs = nowMs + this.#openMs()
      this.#openings++
      return this.#openings === 1 ? 'opened' : null
    }
    const recovered = this.#openings > 0
    this.#failures = 0
    this.#openings = 0
    this.#openUntilMs = -Infinity
    if (sign === 'throttled') this.#cut(nowMs, delayMs, CUT)
    else this.#learn(nowMs, delayMs)
    return recovered ? 'recovered' : null
  }

  /** No call before: what the receiver asked for. */
  pause(forMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#clock.monotonicMs() + forMs)
  }

  /** Whether anything is taken at all. What was learnt of a receiver that was disabled is forgotten when it is enabled. */
  open(isOpen: boolean): void {
    if (isOpen && this.#closed) {
      this.#failures = 0
      this.#openings = 0
      this.#pausedUntilMs = -Infinity
    }
    this.#closed = !isOpen
  }

  change(settings: GateSettings): void {
    this.#limit = Math.min(
      settings.concurrency,
      this.#limit + Math.max(0, settings.concurrency - this.#settings.concurrency),
    )
    this.#settings = settings
  }

  #learn(nowMs: number, delayMs: number): void {
    const usualMs = (this.#usualMs ??= delayMs)
    if (delayMs > SLOW.ms && delayMs > usualMs * SLOW.times) this.#cut(nowMs, delayMs, SLOW_CUT)
    else this.#limit = Math.min(this.#settings.concurrency, this.#limit + 1 / this.#limit)
    this.#usualMs = usualMs + (delayMs - usualMs) * LEARNING
  }

  /** Once for all calls that were under way together. */
  #cut(nowMs: number, delayMs: number, by: number): void {
    if (nowMs - delayMs < this.#cutAtMs) return
    this.#cutAtMs = nowMs
    this.#limit = Math.max(1, this.#limit * by)
  }

  #fill(nowMs: number): void {
    const rate = this.#settings.ratePerSecond!
    const most = Math.max(1, rate * BURST)
    this.#tokens = Math.min(most, this.#tokens + ((nowMs - this.#filledAtMs) * rate) / 1_000)
    this.#filledAtMs = nowMs
  }

  #openMs(): number {
    const fullMs = Math.min(OPEN.baseMs * 2 ** this.#openings, OPEN.capMs)
    return fullMs * (0.75 + this.#random() / 4)
  }
}
