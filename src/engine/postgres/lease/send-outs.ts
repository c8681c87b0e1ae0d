/** What a send hands out in its own statement, to workers of this process that have free places: what waited before, and all that it sends. */
import { HIGHEST_PRIORITY, type Message } from '../../../core/message.ts'
import type { Delivery } from '../../../core/engine.ts'
import { TokenMint } from '../decide/token.ts'
import type { Answer } from '../connection/driver.ts'
import type { Floor } from '../session/floor.ts'
import type { Moment } from '../session/transact.ts'
import { deliver, RANKS } from './hand-outs.ts'
import { slackOf, type Hatch, type Promised } from './hatch.ts'
import type { KnownQueue } from '../plain/known-queues.ts'
import type { LateHandOuts } from './late.ts'
import type { LeaseNumber, LeaseNumbers } from './lease-numbers.ts'
import type { Sending } from '../plain/send-columns.ts'

export interface SendOutsParts {
  readonly hatch: Hatch
  readonly late: LateHandOuts
  readonly numbers: LeaseNumbers
  readonly floor: Floor
  /** The process that holds leases; null where nobody can tell whether it lives. */
  readonly holder: number | null
  readonly moment: () => Moment
}

/** Hand-outs of one send. */
export interface SendOut {
  readonly lease: LeaseNumber
  readonly promised: readonly Promised[]
}

/** What the statement says first. */
interface Head {
  readonly isSent: boolean
  /** Of which all was handed out. */
  readonly queues: readonly number[]
}

export class SendOuts {
  readonly #parts: SendOutsParts

  constructor(parts: SendOutsParts) {
    this.#parts = parts
  }

  /** null where nobody here has a place for any of it. */
  begin(sendings: readonly Sending[]): SendOut | null {
    const { hatch, numbers } = this.#parts
    const counts = new Map<KnownQueue, number>()
    for (const { queue, messages } of sendings)
      if (queue.isPlain) counts.set(queue, (counts.get(queue) ?? 0) + messages.length)
    const promised: Promised[] = []
    for (const [queue, count] of counts) {
      const each = hatch.promise(queue, count)
      if (each !== null) promised.push(each)
    }
    if (promised.length === 0) return null
    const lease = numbers.takeAtOnce()
    if (lease !== null) return { lease, promised }
    hatch.abandon(promised, null)
    return null
  }

  /** What the statement `send-out` takes beside what `send` does. */
  columns({ lease, promised }: SendOut): readonly unknown[] {
    const { floor, holder, moment } = this.#parts
    const numbers = promised.map(({ queue }) => queue.number)
    const floors = floor.of(numbers)
    return [
      moment().wall,
      numbers,
      promised.map(({ own }) => own),
      promised.map(({ max }) => max),
      promised.map(({ line }) => Math.round(line.leaseMs) + slackOf(line.leaseMs)),
      promised.map(({ line }) => (line.holder === 'process' ? holder : null)),
      lease.number,
      ...(floors === null ? [[0], [9], numbers.map(() => 0)] : [RANKS, RANKS, floors]),
      floor.until,
    ]
  }

  /** Gives what was handed out to those who wait for it; the queues of which not all was. */
  land({ lease, promised }: SendOut, { rows }: Answer, sendings: readonly Sending[]): ReadonlySet<KnownQueue> {
    const { queues } = JSON.parse(rows[0]!.past as string) as Head
    const now = rows[0]!.sent_at as number
    const left = new Set(sendings.map(({ queue }) => queue))
    for (const each of promised) {
      const { queue, line } = each
      const leaseUntil = now + Math.round(line.leaseMs)
      const isAll = queues.includes(queue.number)
      const some = rows.filter((row, at) => at === 0 || row.queue === queue.number)
      const deliveries = some.length > 1 ? deliver(some, [each], lease.number, leaseUntil) : []
      if (isAll) {
        left.delete(queue)
        const mint = new TokenMint(lease.number, queue.number)
        for (const { queue: other, messages } of sendings)
          if (other === queue)
            for (const message of messages) deliveries.push(deliveryOf(message, queue.name, mint, now, leaseUntil))
        if (!isInOrder(deliveries)) deliveries.sort((one, another) => rankOf(one) - rankOf(another))
      }
      if (deliveries.length > 0) this.#parts.floor.gave(queue.number, deliveries.length)
      this.#parts.hatch.land(each, lease, deliveries, isAll)
    }
    return left
  }

  /** It did not happen as it was asked for; or it did, and what it handed out is not known. null: nobody knows, and it may happen yet. */
  abandon({ lease, promised }: SendOut, isDone: boolean | null): void {
    const { hatch, late } = this.#parts
    // Where the send is, what it handed out is, whichever server that is by now.
    const mayHave = isDone === true ? { ...lease, server: null } : lease
    hatch.abandon(promised, isDone === false ? null : mayHave)
    if (isDone !== null) return
    late.expect(
      lease,
      promised.map(({ queue }) => queue.name),
    )
  }
}

export function isSent({ rows }: Answer): boolean {
  return (JSON.parse(rows[0]!.past as string) as Head).isSent
}

const rankOf = ({ stored }: Delivery): number => HIGHEST_PRIORITY - stored.message.priority

const isInOrder = (deliveries: readonly Delivery[]): boolean =>
  deliveries.every((each, at) => at === 0 || rankOf(deliveries[at - 1]!) <= rankOf(each))

/** As it would be read back. */
function deliveryOf(message: Message, queue: string, mint: TokenMint, now: number, leaseUntil: number): Delivery {
  const { id } = message
  return {
    token: mint.token(id),
    leaseUntil,
    stored: {
      queue,
      id,
      message,
      state: 'leased',
      sentAt: now,
      readyAt: now,
      leaseUntil,
      endedAt: null,
      acquired: 1,
      failed: 0,
      released: 0,
      failures: [],
      cancelRequested: false,
      reason: null,
    },
  }
}
