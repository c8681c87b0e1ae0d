/**
 * The hatch between sends and the workers of the same process. A worker that asked for more than there was has free places; a send may then hand
 * out what it sends in the statement that sends it, to be fetched here by the worker's next request, which costs the database nothing. A place
 * is promised once: to a send under way or to a request under way. What nobody fetches is ready again a moment later, as if it had never been
 * handed out, and whoever watches is told. Nothing here waits for anything: a fold that did could wait for itself.
 */
import type { Clock } from '../../../core/clock.ts'
import type { Delivery, LeaseRequest, LeaseResult } from '../../../core/engine.ts'
import type { KnownQueue } from '../plain/known-queues.ts'
import type { LeaseNumber } from './lease-numbers.ts'
import type { TakeBack } from './take-back.ts'

/** Longer nothing waits to be fetched: a worker that is there comes in the same turn. */
const WAIT_MS = 100
/** At least so much longer a lease lasts than is told, and a quarter of its time where that is more. */
const SLACK_MS = 1_000

/** At least so often a queue is asked for itself, whatever is believed of it. */
const BELIEF_MS = 1_000
/** Beside what is sent, as much that waited before has room, and so much more. */
const OLDER = 64

/**
 * So much longer a lease that was handed out with a send lasts than is told, and so long after the send began it can be fetched: whoever fetches it
 * believes that it begins then.
 */
export function slackOf(leaseMs: number): number {
  return Math.max(SLACK_MS, Math.round(leaseMs / 4))
}

type Want = LeaseRequest['wants'][number]

/** What is known of one queue as the workers here ask for it. */
interface Line {
  readonly queue: string
  readonly leaseMs: number
  readonly holder: LeaseRequest['holder']
  /** Places that are free and promised to nobody. */
  room: number
  /** Places promised to sends under way. */
  promised: number
  /** Of a request under way. */
  asked: number
  /** A send would have had a place, but for a request under way. */
  isMissed: boolean
  /** How often something happened that may have left more in the queue. */
  stirs: number
  /** `stirs` when the last that found nothing more in the queue had begun. */
  emptyAt: number
  /** `stirs` when the last send under way had begun: it takes what waited then. */
  coveredAt: number
  underWay: number
  /** On the process's own clock: when time alone may bring something, or it is looked all the same. */
  askAtMs: number
  waiting: Waiting[]
}

interface Waiting {
  readonly delivery: Delivery
  readonly queue: KnownQueue
  readonly lease: LeaseNumber
  /** Until then somebody may come for it; later too, while one who will is kept by a request under way. */
  readonly untilMs: number
  /** Later nobody has it. */
  readonly lastMs: number
}

/** Places of one queue that are promised to a send. */
export interface Promised {
  readonly line: Line
  readonly queue: KnownQueue
  readonly own: number
  readonly max: number
  readonly stirs: number
  readonly begunAtMs: number
}

/** What the engine itself is asked for, beside what was fetched. */
interface Ask {
  readonly line: Line
  readonly max: number
  readonly stirs: number
  /** The worker wants more than is asked for. */
  readonly isPart: boolean
}

export interface Fetched {
  readonly deliveries: readonly Delivery[]
  readonly taken: readonly { readonly line: Line; readonly waiting: readonly Waiting[] }[]
  /** Of the queues that have to be asked; empty: of none. */
  readonly wants: readonly Want[]
  /** Until one of the others should be asked. */
  readonly nextReadyInMs: number | null
  readonly asks: readonly Ask[]
}

export interface HatchParts {
  readonly clock: Clock
  /** Somebody here is told what happens to it. */
  readonly isWatched: (queue: string) => boolean
  /** Tells them. */
  readonly wake: (queue: string) => void
  readonly takeBack: TakeBack
}

export class Hatch {
  readonly #parts: HatchParts
  readonly #lines = new Map<string, Line>()
  readonly #underWay = new Set<Promise<void>>()
  #timer: Disposable | null = null
  #isClosed = false

  constructor(parts: HatchParts) {
    this.#parts = parts
  }

  /** Something happened to a queue of which no send here knows. */
  stir(queue: string): void {
    const line = this.#lines.get(queue)
    if (line !== undefined) line.stirs++
  }

  /** Places for all that a send has for the queue; null where there are none. */
  promise(queue: KnownQueue, own: number): Promised | null {
    const line = this.#lines.get(queue.name)
    if (line === undefined || this.#isClosed) return null
    if (own > line.room) {
      line.isMissed ||= line.asked > 0 && own <= line.room + line.asked
      return null
    }
    if (!this.#parts.isWatched(queue.name)) {
      line.room = 0
      return null
    }
    const max = Math.min(line.room, 2 * own + OLDER)
    line.room -= max
    line.promised += max
    line.underWay++
    line.coveredAt = line.stirs
    return { line, queue, own, max, stirs: line.stirs, begunAtMs: this.#parts.clock.monotonicMs() }
  }

  /** @param isAll all that waited, and all that was sent */
  land(promised: Promised, lease: LeaseNumber, deliveries: readonly Delivery[], isAll: boolean): void {
    const { line, queue, begunAtMs } = promised
    this.#free(promised, deliveries.length, isAll)
    const untilMs = this.#parts.clock.monotonicMs() + WAIT_MS
    const lastMs = begunAtMs + slackOf(line.leaseMs)
    for (const delivery of deliveries) line.waiting.push({ delivery, queue, lease, untilMs, lastMs })
    if (deliveries.length > 0) this.#watch()
    this.#parts.wake(line.queue)
  }

  /**
   * The send did not happen as it was asked for.
   * @param lease where it may have happened: what it handed out is taken back
   */
  abandon(promised: readonly Promised[], lease: LeaseNumber | null): void {
    for (const each of promised) {
      this.#free(each, 0, false)
      this.#parts.wake(each.line.queue)
    }
    const queues = promised.map(({ queue }) => queue.name)
    if (lease !== null) this.#takeBack(lease, null, queues)
  }

  /** What a request gets without asking the database, and what it has to ask for. */
  fetch(request: LeaseRequest): Fetched {
    const nowMs = this.#parts.clock.monotonicMs()
    const taken: Fetched['taken'][number][] = []
    const wants: Want[] = []
    const asks: Ask[] = []
    let nextMs = Infinity
    for (const want of request.wants) {
      const line = this.#lineOf(want.queue, request)
      if (line === null) {
        wants.push(want)
        continue
      }
      const places = Math.floor(want.max)
      const waiting = this.#take(line, places, nowMs)
      if (waiting.length > 0) taken.push({ line, waiting })
      const left = Math.max(0, places - waiting.length - line.promised)
      const isEmpty = line.emptyAt === line.stirs || (line.underWay > 0 && line.coveredAt === line.stirs)
      // Of a queue that nobody watches any more it is not heard what others send.
      if (isEmpty && nowMs < line.askAtMs && this.#parts.isWatched(want.queue)) {
        line.room = left
        nextMs = Math.min(nextMs, line.askAtMs)
        continue
      }
      // Beside sends that go on, a request takes half: they can hand out to the others.
      const max = line.isMissed ? Math.ceil(left / 2) : left
      line.isMissed = false
      line.room = left - max
      if (max === 0) continue
      line.asked += max
      asks.push({ line, max, stirs: line.stirs, isPart: waiting.length + max < places })
      wants.push({ queue: want.queue, max })
    }
    const deliveries = taken.flatMap(({ waiting }) => waiting.map(({ delivery }) => delivery))
    return { deliveries, taken, wants, asks, nextReadyInMs: nextMs === Infinity ? null : nextMs - nowMs }
  }

  /** What the database gave; null: it did not answer. */
  answered({ asks, taken }: Fetched, result: LeaseResult | null): void {
    if (result === null) for (const { line, waiting } of taken) this.#putBack(line, waiting)
    const nowMs = this.#parts.clock.monotonicMs()
    const counts = new Map<string, number>()
    for (const { stored } of result?.deliveries ?? []) counts.set(stored.queue, (counts.get(stored.queue) ?? 0) + 1)
    for (const { line, max, stirs, isPart } of asks) {
      const got = counts.get(line.queue) ?? 0
      line.asked -= max
      if (result === null || got >= max) {
        line.stirs++
        if (isPart && result !== null) this.#parts.wake(line.queue)
        continue
      }
      line.room += max - got
      line.emptyAt = Math.max(line.emptyAt, stirs)
      line.askAtMs = nowMs + Math.min(result.nextReadyInMs ?? Infinity, BELIEF_MS)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#giveUp(Infinity)
    await Promise.all(this.#underWay)
  }

  #free({ line, max, stirs }: Promised, taken: number, isAll: boolean): void {
    line.promised -= max
    line.underWay--
    line.room += max - taken
    if (isAll) line.emptyAt = Math.max(line.emptyAt, stirs)
    else line.stirs++
  }

  /** The queue's, as this request asks for it. */
  #lineOf(queue: string, { leaseMs, holder }: LeaseRequest): Line | null {
    const known = this.#lines.get(queue)
    if (known?.leaseMs === leaseMs && known.holder === holder) return known
    if (!this.#parts.isWatched(queue) || (known !== undefined && (known.underWay > 0 || known.waiting.length > 0)))
      return null
    const line: Line = {
      queue,
      leaseMs,
      holder,
      room: 0,
      promised: 0,
      asked: 0,
      isMissed: false,
      stirs: 0,
      emptyAt: -1,
      coveredAt: -1,
      underWay: 0,
      askAtMs: -Infinity,
      waiting: [],
    }
    this.#lines.set(queue, line)
    return line
  }

  #take(line: Line, max: number, nowMs: number): readonly Waiting[] {
    if (line.waiting.length === 0) return NONE
    if (line.waiting.some(({ lastMs }) => lastMs <= nowMs)) this.#giveUp(nowMs)
    return line.waiting.splice(0, max)
  }

  #sweep(): void {
    this.#timer = null
    this.#giveUp(this.#parts.clock.monotonicMs())
    for (const { waiting } of this.#lines.values()) {
      if (waiting.length === 0) continue
      this.#watch()
      return
    }
  }

  /** Looks in a moment whether somebody has come for what waits. */
  #watch(): void {
    this.#timer ??= this.#parts.clock.timer(WAIT_MS, () => this.#sweep())
  }

  /** Nobody has it yet, so that it can be fetched again: where the queue is not asked for otherwise by now. */
  #putBack(line: Line, waiting: readonly Waiting[]): void {
    if (this.#lines.get(line.queue) !== line) {
      this.#takeBackAll(line, waiting)
      return
    }
    line.waiting.unshift(...waiting)
    this.#watch()
  }

  /** Takes back what nobody has fetched in its time: whoever was to has no place any more, or is not there. */
  #giveUp(nowMs: number): void {
    for (const line of this.#lines.values()) {
      const isLate = ({ untilMs, lastMs }: Waiting): boolean =>
        lastMs <= nowMs || (untilMs <= nowMs && line.asked === 0)
      const late = line.waiting.filter(isLate)
      if (late.length === 0) continue
      line.waiting = line.waiting.filter((each) => !isLate(each))
      line.room = 0
      this.#takeBackAll(line, late)
    }
  }

  #takeBackAll({ queue }: Line, waiting: readonly Waiting[]): void {
    for (const [lease, some] of Map.groupBy(waiting, (each) => each.lease)) {
      const given = some.map((each) => ({ queue: each.queue.number, id: each.delivery.stored.id }))
      this.#takeBack(lease, given, [queue])
    }
  }

  #takeBack(...asked: Parameters<TakeBack>): void {
    const over = this.#parts.takeBack(...asked).finally(() => this.#underWay.delete(over))
    this.#underWay.add(over)
  }
}

const NONE: readonly never[] = []
