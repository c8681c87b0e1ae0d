/** Hands messages out: what may be handed out now, and who got what for a request, so that a repeated one gets the same. */
import type { LeaseRequest, Token } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import type { Desk } from './desk.ts'
import { readyInMs } from '../time/due.ts'
import { end } from './ending.ts'
import { EXPIRED, FLAG, LEASED } from '../entries.ts'
import type { Queue } from '../state/queue.ts'
import { quote } from './refusal.ts'
import { hasExpired } from './settle.ts'
import { CHUNK_MASK, type Slots } from '../state/slots.ts'
import { heldBy } from './token.ts'

/** The slots handed out, in the order of the wants. */
export function lease(desk: Desk, { wants, leaseMs, holder }: LeaseRequest): number[] {
  const slots: number[] = []
  for (const { queue: name, max } of wants) {
    const queue = desk.state.queueByName.get(name)
    if (queue !== undefined)
      leaseOf(
        desk,
        queue,
        Math.min(max, desk.limits.leaseBatch - slots.length),
        desk.now + leaseMs,
        holder === 'process',
        slots,
      )
  }
  return slots
}

/** Checked before anything is decided. @throws PosthornError `invalid` */
export function checkLeaseRequest(request: LeaseRequest): void {
  const { id, leaseMs, wants }: Partial<LeaseRequest> = request ?? {}
  checkLeaseMs(leaseMs)
  if (typeof id !== 'string' || id === '')
    throw new PosthornError('invalid', `id is ${quote(id)}: it must be a text that is not empty`)
  const isSound = Array.isArray(wants) && wants.every((want) => typeof want?.queue === 'string' && want.max >= 0)
  if (!isSound) throw new PosthornError('invalid', `wants is ${quote(wants)}: it must be a list of { queue, max }`)
}

/** @throws PosthornError `invalid` */
export function checkLeaseMs(leaseMs: number | undefined): void {
  if (!(Number.isFinite(leaseMs) && leaseMs! > 0))
    throw new PosthornError('invalid', `leaseMs is ${leaseMs}: it must be a number of milliseconds above 0`)
}

function leaseOf(desk: Desk, queue: Queue, max: number, until: number, process: boolean, given: number[]): void {
  const { slots } = desk.state.messages
  queue.lastUsedAt = desk.now
  if (queue.settings.paused || queue.unbound) return
  for (let left = max; left > 0; left--) {
    const slot = queue.ready.pick(queue.settings.pick)
    if (slot === 0) return
    // Expiries are swept in bounded steps, so one may be left.
    if (hasExpired(desk, slot)) {
      end(desk, slot, EXPIRED, 'reported')
      left++
      continue
    }
    desk.effects.leased(slot, (slots.of(slot).handout[slot & CHUNK_MASK]! + 1) >>> 0, until, process)
    given.push(slot)
  }
}

export function extend(desk: Desk, token: Token, leaseMs: number): 'kept' | 'stale' | 'cancel' {
  const { slots } = desk.state.messages
  const slot = typeof token === 'string' ? heldBy(slots, token) : 0
  if (slot === 0) return 'stale'
  desk.effects.extended(slot, desk.now + leaseMs)
  return (slots.of(slot).flags[slot & CHUNK_MASK]! & FLAG.cancelRequested) === 0 ? 'kept' : 'cancel'
}

/** For `LeaseResult.nextReadyInMs`. */
export function nextReadyInMs(desk: Desk, wants: LeaseRequest['wants']): number | null {
  let inMs = Infinity
  for (const { queue: name } of wants) {
    const queue = desk.state.queueByName.get(name)
    if (queue !== undefined) inMs = Math.min(inMs, readyInMs(desk, queue))
  }
  return inMs === Infinity ? null : inMs
}

/** Which slots went to the last requests, and under which hand-out. */
export class LeaseMemory {
  readonly #slots: Slots
  readonly #most: number
  readonly #mostSlots: number
  readonly #requests = new Map<string, { readonly slots: Uint32Array; readonly handouts: Uint32Array }>()
  #held = 0

  constructor(slots: Slots, most: number, mostSlots: number = 64 * most) {
    this.#slots = slots
    this.#most = most
    this.#mostSlots = mostSlots
  }

  remember(id: string, given: readonly number[]): void {
    if (given.length === 0) return
    const slots = new Uint32Array(given)
    const handouts = new Uint32Array(given.length)
    for (let at = 0; at < given.length; at++) handouts[at] = this.#handout(given[at]!)
    this.#requests.set(id, { slots, handouts })
    this.#held += slots.length
    for (const [oldest, { slots: old }] of this.#requests) {
      if (this.#requests.size <= this.#most && this.#held <= this.#mostSlots) return
      this.#requests.delete(oldest)
      this.#held -= old.length
    }
  }

  /** The slots of the request that are still leased to it; null where it is not known, or nothing of it stands. */
  recall(id: string): number[] | null {
    const request = this.#requests.get(id)
    if (request === undefined) return null
    const standing = [...request.slots].filter(
      (slot, at) =>
        this.#slots.of(slot).state[slot & CHUNK_MASK] === LEASED && this.#handout(slot) === request.handouts[at],
    )
    if (standing.length > 0) return standing
    this.#requests.delete(id)
    this.#held -= request.slots.length
    return null
  }

  #handout(slot: number): number {
    return this.#slots.of(slot).handout[slot & CHUNK_MASK]!
  }
}
