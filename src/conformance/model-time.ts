/** The part of the oracle that time passes in: its two clocks, what falls due when, and the states that a crash may go back to. */
import type { When } from '../core/message.ts'
import type * as model from './model-state.ts'

export abstract class Timeline {
  nowMs: number
  wallMs: number
  /** The states before each change. */
  past: model.State[] = []
  state: model.State = { queues: [], messages: [], records: [], topics: [], subscriptions: [], firsts: [], commits: [] }
  #serial = 0

  constructor(nowMs: number, wallMs: number) {
    this.nowMs = nowMs
    this.wallMs = wallMs
  }

  /** What time alone has made due happens. */
  abstract sweep(): void

  /** Time passes on both clocks; what falls due on the way happens at its moment. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms
    this.sweep()
    while (this.nowMs < untilMs) {
      const passed = Math.min(untilMs, ...this.dueTimes()) - this.nowMs
      this.nowMs += passed
      this.stepWall(passed)
    }
  }

  stepWall(ms: number): void {
    this.wallMs += ms
    this.sweep()
  }

  /** The engine is opened again: the leases of the process that had it lapse. */
  restart(nowMs: number, wallMs: number): void {
    Object.assign(this, { nowMs, wallMs })
    this.begin()
    for (const each of this.state.messages) if (each.token && each.holder === 'process') each.leaseUntil = nowMs
    this.sweep()
  }

  /** Goes on from the given state, and gives no name that the other gave. */
  continue(other: Timeline, state: model.State): this {
    this.#serial = other.#serial
    this.state = state
    return this
  }

  /** Engine times, all to come, at which something may happen by itself. */
  dueTimes(): number[] {
    const times = this.state.messages.flatMap(({ due, expires, leaseUntil, endedAt, queue, state }) => {
      const { deadMs, endedMs } = this.state.queues.find(({ name }) => name === queue)!.settings.keep
      const moments = [due, expires].flatMap((moment) => (moment ? [this.nowMs + moment.at - this[moment.clock]] : []))
      return [...moments, leaseUntil ?? Infinity, after(endedAt, state === 'dead' ? deadMs : endedMs)]
    })
    for (const { events, retention } of this.state.topics)
      times.push(...events.map(({ at }) => after(at, retention.ms)))
    return times.filter((time) => time > this.nowMs)
  }

  moment(when: When): model.Moment {
    return 'at' in when ? { clock: 'wallMs', at: when.at } : { clock: 'nowMs', at: this.nowMs + when.afterMs }
  }

  isPast(moment: model.Moment | null): boolean {
    return moment !== null && moment.at <= this[moment.clock]
  }

  nextSerial(): number {
    return ++this.#serial
  }

  /** What follows happens to a copy, so that what was before can be gone back to. */
  begin(): void {
    const copies = Object.entries(this.state).map(([name, list]) => [name, list.map((each: object) => ({ ...each }))])
    this.past.push(this.state)
    this.state = Object.fromEntries(copies) as model.State
  }
}

/** Never, where there is no such time or no such limit. */
export function after(at: number | null, ms: number | null): number {
  return at === null || ms === null ? Infinity : at + ms
}
