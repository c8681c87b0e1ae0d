/** One delivery for as long as this worker has it: waiting to be started, running, being settled, over. */
import type { Delivery } from '../core/engine.ts'
import { timeOfUuid } from '../core/id.ts'
import { lapses } from '../core/message.ts'
import { Deadline } from '../runtime/deadline.ts'
import type { RunFacts, TelemetryEvents } from '../runtime/telemetry.ts'
import type { ActiveRun } from './active-run.ts'
import type { ServedQueue } from './served-queue.ts'

export type LostReason = TelemetryEvents['lost']['why']

/** As a deadline it is the moment at which its lease is to be extended. */
export class Handling extends Deadline {
  readonly delivery: Delivery
  readonly served: ServedQueue
  state: 'waiting' | 'running' | 'settling' | 'over' = 'waiting'
  /** Monotonic: not later than the engine's own end of the lease. */
  leaseUntilMs: number
  /** Monotonic: when the delivery arrived here, or was handed out unasked. */
  readonly leasedAtMs: number
  /** Whether it counts among what runs. */
  started = false
  /** Whether it takes one of its queue's places. One that has ended may have left it before it is settled. */
  hasPlace = true
  startedAtMs = 0
  returnedAtMs = 0
  run: ActiveRun | null = null
  timeout: RunTimeout | null = null
  reruns = 0
  cancelRequested = false
  /** Set once the lease is known to be lost while the handler still runs. */
  lost: LostReason | null = null
  /** Its neighbours among what is in flight. */
  earlier: Handling | null = null
  later: Handling | null = null

  constructor(delivery: Delivery, served: ServedQueue, requestedAtMs: number, leasedAtMs: number) {
    super()
    this.delivery = delivery
    this.served = served
    this.leaseUntilMs = requestedAtMs + served.leaseMs
    this.leasedAtMs = leasedAtMs
  }

  /** Whether it was handed out before and nobody said what became of it: it may be what kills workers. */
  get suspect(): boolean {
    return this.served.suspects && lapses(this.delivery.stored) > 0
  }
}

/** The end of a run's time. */
export class RunTimeout extends Deadline {
  readonly handling: Handling

  constructor(handling: Handling) {
    super()
    this.handling = handling
  }
}

export function factsOf({ delivery: { stored } }: Handling): RunFacts {
  return {
    queue: stored.queue,
    id: stored.id,
    type: stored.message.event.type,
    group: stored.message.group ?? null,
    attempt: stored.failed + 1,
  }
}

/** From its being ready to the start of the handler. On the engine's clock up to the hand-out, on this one's from there. */
export function receiveMsOf({ delivery, served, startedAtMs, leasedAtMs }: Handling): number {
  const { stored, leaseUntil } = delivery
  const handedOutAt = leaseUntil - served.leaseMs
  return Math.max(0, handedOutAt - (stored.readyAt ?? stored.sentAt)) + Math.max(0, startedAtMs - leasedAtMs)
}

/** What telemetry tells of a run that has ended. One literal, because it is made for every message. */
export function endedOf(
  handling: Handling,
  settledAtMs: number,
  outcome: TelemetryEvents['ended']['outcome'],
  code: string | null,
): TelemetryEvents['ended'] {
  const { stored } = handling.delivery
  const madeAt = timeOfUuid(stored.id)
  return {
    queue: stored.queue,
    id: stored.id,
    type: stored.message.event.type,
    group: stored.message.group ?? null,
    attempt: stored.failed + 1,
    sendMs: madeAt === null ? null : Math.max(0, stored.sentAt - madeAt),
    receiveMs: receiveMsOf(handling),
    processMs: Math.max(0, handling.returnedAtMs - handling.startedAtMs),
    settleMs: Math.max(0, settledAtMs - handling.returnedAtMs),
    outcome,
    code,
  }
}

/** For people. */
export const LOST: Readonly<Record<LostReason, string>> = {
  stale: 'a lease was lost: another worker may have the message, and what this run did has no effect',
  blocked: 'a lease was lost because the event loop stood still longer than the lease: what the run did has no effect',
  away: 'a lease was lost while the engine was away: what the run did has no effect',
  unknown: 'the engine did not say whether a settled message was taken: it was, or it will be handed out again',
}
