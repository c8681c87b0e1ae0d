/** What time decides next on this database, as this process knows it: when something falls due, and up to when all that was due has been decided. */
import { dueTimes, flush, sweep, type DueTimes, type Moment } from './decide/sweep.ts'
import type { Desk } from './desk.ts'
import { engineTime } from './state/clock.ts'
import type { Ticks } from './wire/request.ts'

const NOTHING: DueTimes = { engineAt: Infinity, wallAt: Infinity }

export class Due {
  readonly #desk: Desk
  #times: DueTimes = NOTHING
  /** Until when everything that was due has been decided by this process. */
  #lookedAt: Moment

  constructor(desk: Desk) {
    this.#desk = desk
    this.#lookedAt = momentOf(desk)
  }

  get times(): DueTimes {
    return this.#times
  }

  /** null: never. */
  get inMs(): number | null {
    const inMs = Math.min(this.#times.engineAt - this.#desk.now, this.#times.wallAt - this.#desk.wall)
    return inMs === Infinity ? null : Math.max(0, inMs)
  }

  get isNow(): boolean {
    return this.#times.engineAt <= this.#desk.now || this.#times.wallAt <= this.#desk.wall
  }

  setTime(ticks: Ticks): void {
    this.#desk.now = engineTime(this.#desk.numbers, ticks)
    this.#desk.wall = ticks.wallMs
  }

  /** Whether anything falls due up to the last of these, or a commit before has left something beyond its bounds. */
  decides(moments: readonly (Ticks | null)[]): boolean {
    const { engineAt, wallAt } = this.#times
    const isDueAt = (ticks: Ticks): boolean =>
      engineAt <= engineTime(this.#desk.numbers, ticks) || wallAt <= ticks.wallMs
    return this.isNow || this.#desk.isOverdue || moments.some((ticks) => ticks !== null && isDueAt(ticks))
  }

  /** Decides what is due now. */
  settle(): void {
    if (this.isNow) {
      sweep(this.#desk, this.#lookedAt)
      this.#times = NOTHING
    }
    this.#lookedAt = momentOf(this.#desk)
  }

  /** Finds out what is due next. */
  look(): void {
    flush(this.#desk)
    this.#times = dueTimes(this.#desk)
  }
}

const momentOf = ({ now, wall }: Desk): Moment => ({ now, wall })
