/**
 * From leased to running. Handlers start as fast as they let each other: after a slice of time the event loop gets its turn, so
 * that leases of what still waits are extended. A message that was handed out before without anybody saying what became of it
 * starts only alone: if it kills the process again, it takes nothing with it and convicts itself.
 */
import type { Clock } from '../core/clock.ts'
import type { Handling } from './handling.ts'

/** In which handlers start one after the other before the event loop gets its turn: what runs beside them waits so long. */
const SLICE_MS = 2
/** How long a worker stands still for a suspect message; doubled each time the message had to be given back. */
const QUIET_MS = 10_000
const QUIET_DOUBLINGS = 6
const SUSPECT_DELAY_MS = 60_000

export interface StarterDeps {
  readonly clock: Clock
  start(handling: Handling, nowMs: number): void
  /** Uncounted. */
  giveBack(handling: Handling, afterMs: number): void
  /** More may be leased again. */
  resume(): void
}

export class Starter {
  readonly #deps: StarterDeps
  #waiting: Handling[] = []
  #next = 0
  readonly #suspects: Handling[] = []
  /** Whose turn it is: after a suspect, others get one round, so that many suspects do not keep everything else from work. */
  #turn: 'others' | 'suspect' = 'others'
  #running = 0
  #alone: Handling | null = null
  #patience: Disposable | null = null
  #pumping = false
  /** The slice of this turn of the event loop, over all calls that start something in it. */
  #sliceEndsMs: number | null = null
  /** The slice is over: nothing starts before the next turn. */
  #yielding = false
  #stopped = false

  constructor(deps: StarterDeps) {
    this.#deps = deps
  }

  get mayLease(): boolean {
    return !this.#stopped && this.#alone === null && this.#turn === 'others'
  }

  open(): void {
    this.#stopped = false
  }

  offer(handlings: readonly Handling[]): void {
    if (this.#stopped) {
      for (const handling of handlings) this.#deps.giveBack(handling, 0)
      return
    }
    for (const handling of handlings) (handling.suspect ? this.#suspects : this.#waiting).push(handling)
    this.pump()
  }

  /** Nothing starts any more: what waits is given back. */
  close(): void {
    this.#stopped = true
    this.#forgetPatience()
    const waiting = [...this.#waiting.slice(this.#next), ...this.#suspects.splice(0)]
    this.#waiting = []
    this.#next = 0
    this.#turn = 'others'
    for (const handling of waiting) if (handling.state === 'waiting') this.#deps.giveBack(handling, 0)
  }

  /** The others had a round of leasing. */
  rested(): void {
    if (this.#suspects.length > 0 && this.#alone === null) this.#turn = 'suspect'
    this.pump()
  }

  over(handling: Handling): void {
    if (handling.started) this.#running--
    if (this.#alone === handling) {
      this.#alone = null
      this.#turn = 'others'
      this.#deps.resume()
    }
    if (this.#suspects.length > 0 || this.#next < this.#waiting.length) this.pump()
  }

  pump(): void {
    if (this.#pumping || this.#yielding || this.#stopped) return
    this.#pumping = true
    try {
      this.#startSome()
    } finally {
      this.#pumping = false
    }
  }

  #startSome(): void {
    const beganMs = this.#deps.clock.monotonicMs()
    let nowMs = beganMs
    while (this.#startOne(nowMs)) {
      nowMs = this.#deps.clock.monotonicMs()
      if (nowMs < this.#endOfSlice(beganMs)) continue
      this.#yielding = true
      break
    }
  }

  #endOfSlice(beganMs: number): number {
    if (this.#sliceEndsMs === null) {
      this.#sliceEndsMs = beganMs + SLICE_MS
      setImmediate(this.#nextTurn)
    }
    return this.#sliceEndsMs
  }

  readonly #nextTurn = (): void => {
    this.#sliceEndsMs = null
    if (!this.#yielding) return
    this.#yielding = false
    this.pump()
  }

  #startOne(nowMs: number): boolean {
    if (this.#alone !== null) return false
    if (this.#turn === 'suspect') return this.#startSuspect(nowMs)
    const handling = this.#shift()
    if (handling === undefined) return false
    this.#start(handling, nowMs)
    return true
  }

  #start(handling: Handling, nowMs: number): void {
    if (handling.state !== 'waiting') return
    handling.started = true
    this.#running++
    this.#deps.start(handling, nowMs)
  }

  #shift(): Handling | undefined {
    const handling = this.#waiting[this.#next++]
    if (handling === undefined || this.#next === this.#waiting.length) {
      this.#waiting = []
      this.#next = 0
    }
    return handling
  }

  #startSuspect(nowMs: number): boolean {
    const suspect = this.#suspects[0]
    if (suspect === undefined) {
      this.#turn = 'others'
      this.#deps.resume()
      return true
    }
    if (suspect.state === 'waiting' && this.#running > 0) {
      this.#waitForQuiet(suspect)
      return false
    }
    this.#forgetPatience()
    this.#suspects.shift()
    if (suspect.state !== 'waiting') return true
    this.#alone = suspect
    this.#start(suspect, nowMs)
    return false
  }

  #waitForQuiet(suspect: Handling): void {
    if (this.#patience !== null) return
    const { released } = suspect.delivery.stored
    const quietMs = QUIET_MS * 2 ** Math.min(released, QUIET_DOUBLINGS)
    this.#patience = this.#deps.clock.timer(quietMs, () => {
      this.#patience = null
      this.#suspects.shift()
      this.#turn = 'others'
      if (suspect.state === 'waiting') this.#deps.giveBack(suspect, SUSPECT_DELAY_MS)
      this.#deps.resume()
      this.pump()
    })
  }

  #forgetPatience(): void {
    this.#patience?.[Symbol.dispose]()
    this.#patience = null
  }
}
