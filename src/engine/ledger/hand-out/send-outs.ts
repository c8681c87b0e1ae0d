/**
 * Hands out what becomes ready in the frame in which it does, to watchers of this process that have room for it, and makes the deliveries while the
 * disk syncs; they are given when the frame is durable, and not before. A lease would come to the same, after the sync, a turn
 * of the event loop and a write of its own (docs/adr/0020-handed-out-while-the-disk-syncs.md).
 */
import type { Delivery, Room, RoomFor } from '../../../core/engine.ts'
import type { Desk } from '../decide/desk.ts'
import { hasExpired } from '../decide/settle.ts'
import { takeBack } from '../decide/take-back.ts'
import { ARRIVED, LEASED, READY } from '../entries.ts'
import type { Queue } from '../state/queue.ts'
import { CHUNK_MASK } from '../state/slots.ts'

/**
 * Where more become ready at once, the thread is what everybody waits for, and hand-outs take their turn with callers (docs/adr/0018-senders-before-the-next-lease.md).
 */
const MOST_AT_ONCE = 16

export interface SendOutsDeps {
  readonly desk: Desk
  /** Who hears of the queue: one of them that has told of no room comes by a lease, and must have his turn. */
  watching(queue: string): number
  deliver(slot: number): Delivery | Promise<Delivery | null>
  gave(count: number): void
  /** The engine's time at this very moment. */
  now(): number
}

/** null: it is not to be had. */
type Made = Delivery | Promise<Delivery | null> | null

interface HandOut {
  /** That must be durable before it is given. */
  readonly frame: number
  readonly watcher: RoomFor
  readonly room: Room
  /** When its leases end. */
  readonly until: number
  readonly slots: readonly number[]
  readonly handouts: readonly number[]
  /** One for each slot, once they are made. */
  deliveries: readonly Made[] | null
}

export class SendOuts {
  readonly #deps: SendOutsDeps
  /** Watchers with room by queue; the one whose turn it is comes first. */
  readonly #watchers = new Map<string, RoomFor[]>()
  /** In the order of their frames. */
  #held: HandOut[] = []
  #due: HandOut[] = []

  constructor(deps: SendOutsDeps) {
    this.#deps = deps
  }

  add(queues: readonly string[], watcher: RoomFor): void {
    for (const queue of queues) {
      const known = this.#watchers.get(queue)
      if (known === undefined) this.#watchers.set(queue, [watcher])
      else known.push(watcher)
    }
  }

  /** Whether something is held for the watcher, and is to be taken back. */
  remove(queues: readonly string[], watcher: RoomFor): boolean {
    for (const queue of queues) {
      const left = this.#watchers.get(queue)?.filter((each) => each !== watcher) ?? []
      if (left.length === 0) this.#watchers.delete(queue)
      else this.#watchers.set(queue, left)
    }
    return this.#held.some((each) => each.watcher === watcher)
  }

  /** Nothing more is handed out. */
  stop(): void {
    this.#watchers.clear()
  }

  get isHolding(): boolean {
    return this.#held.length > 0
  }

  /** At the end of a piece, while its frame is open. Whether anything was handed out. */
  give(): boolean {
    if (this.#watchers.size === 0) return false
    const slots = this.#arrivedNow()
    if (slots.length === 0) return false
    const before = this.#held.length
    const { state } = this.#deps.desk
    const queueOf = (slot: number): number => state.messages.slots.of(slot).queue[slot & CHUNK_MASK]!
    if (slots.length === 1) this.#giveOf(state.queues.rows[queueOf(slots[0]!)]!, slots)
    else for (const [queue, some] of Map.groupBy(slots, queueOf)) this.#giveOf(state.queues.rows[queue]!, some)
    if (this.#held.length === before) return false
    // When the frame is on its way to the disk.
    if (before === 0) setImmediate(this.#prepare)
    return true
  }

  /** Everything up to this frame is durable. What is held for it is given before anybody else has heard. */
  reached(frame: number): void {
    if (this.#held.length === 0 || this.#held[0]!.frame > frame) return
    const first = this.#held.findIndex((each) => each.frame > frame)
    const due = this.#held.splice(0, first < 0 ? this.#held.length : first)
    // What handlers do first may come back to the engine, which is in the middle of telling.
    if (this.#due.length === 0) queueMicrotask(this.#fill)
    this.#due.push(...due)
  }

  /** What is held for the watcher, or for all, goes back to its place in line, as if it had not been handed out. */
  takeBack(watcher: RoomFor | null): void {
    this.#takeBack(this.#held.filter((each) => watcher === null || each.watcher === watcher))
  }

  /** The disk takes longer than the leases last: nobody has heard of them, so none of them has lapsed. Whether there were any. */
  takeBackLate(now: number): boolean {
    const late = this.#held.filter(({ until }) => until <= now)
    this.#takeBack(late)
    return late.length > 0
  }

  /** Nothing that is held will be durable. */
  abandon(): void {
    this.#free(this.#held)
    this.#held = []
  }

  #takeBack(gone: readonly HandOut[]): void {
    if (gone.length === 0) return
    this.#held = this.#held.filter((each) => !gone.includes(each))
    for (const each of gone)
      each.slots.forEach((slot, at) => this.#isStanding(each, at) && takeBack(this.#deps.desk, slot))
    this.#free(gone)
  }

  /** Watchers hear of it when the engine is not in the middle of something. */
  #free(gone: readonly HandOut[]): void {
    for (const { room } of gone) queueMicrotask(() => room.filled([]))
  }

  /** What this piece makes ready; none where that is too much. */
  #arrivedNow(): readonly number[] {
    const { store, state } = this.#deps.desk
    const { slots, placing } = state.messages
    const { frame } = store
    const found: number[] = []
    for (let slot = placing.arrived.tail; slot !== 0; slot = slots.of(slot).prev[slot & CHUNK_MASK]!) {
      if (slots.of(slot).due[slot & CHUNK_MASK]! < frame) break
      if (found.push(slot) > MOST_AT_ONCE) return []
    }
    return found.reverse()
  }

  #giveOf(queue: Queue, arrived: readonly number[]): void {
    const { desk } = this.#deps
    const watchers = this.#watchers.get(queue.name)
    if (watchers === undefined || watchers.length < this.#deps.watching(queue.name)) return
    if (queue.settings.paused || queue.unbound) return
    // What became ready before it is handed out first.
    if (queue.counts[READY]! > 0 || queue.counts[ARRIVED]! > arrived.length) return
    if (arrived.some((slot) => hasExpired(desk, slot))) return
    for (let tries = watchers.length; tries > 0; tries--) {
      const watcher = watchers.shift()!
      watchers.push(watcher)
      const room = this.#roomOf(watcher, queue.name, arrived.length)
      if (room !== null) return this.#handOut(queue, arrived, watcher, room)
    }
  }

  /** Where a watcher fails, it fails alone: this is the middle of a decision. */
  #roomOf(watcher: RoomFor, queue: string, most: number): Room | null {
    try {
      return watcher(queue, most)
    } catch (error) {
      throwLater(error)
      return null
    }
  }

  #handOut(queue: Queue, arrived: readonly number[], watcher: RoomFor, room: Room): void {
    const { desk } = this.#deps
    const chosen = arrived.length === 1 ? arrived : this.#inOrder(queue, arrived).slice(0, room.count)
    // Who holds them counts from when he told of his room, and must not believe in them for longer than they last.
    const until = Math.max(desk.now, this.#deps.now()) + room.leaseMs
    const handouts: number[] = []
    for (const slot of chosen) {
      const handout = (desk.state.messages.slots.of(slot).handout[slot & CHUNK_MASK]! + 1) >>> 0
      desk.effects.leased(slot, handout, until, room.holder === 'process')
      handouts.push(handout)
    }
    this.#deps.gave(chosen.length)
    this.#held.push({ frame: desk.store.frame, watcher, room, until, slots: chosen, handouts, deliveries: null })
  }

  /** As a lease picks them. */
  #inOrder({ settings: { pick } }: Queue, arrived: readonly number[]): readonly number[] {
    const { slots } = this.#deps.desk.state.messages
    const agingMs = pick.by === 'priority' ? (pick.agingMs ?? Infinity) : 0
    const column = (slot: number, name: 'priority' | 'place' | 'seq'): number =>
      slots.of(slot)[name][slot & CHUNK_MASK]!
    const rank = (slot: number): number => column(slot, 'place') - column(slot, 'priority') * agingMs
    return arrived.toSorted((one, other) => {
      const byPriority = agingMs === Infinity ? column(other, 'priority') - column(one, 'priority') : 0
      const byRank = agingMs === Infinity ? column(one, 'place') - column(other, 'place') : rank(one) - rank(other)
      return byPriority || byRank || column(one, 'seq') - column(other, 'seq')
    })
  }

  readonly #prepare = (): void => {
    for (const each of this.#held) each.deliveries = this.#deliveriesOf(each)
  }

  #deliveriesOf(each: HandOut): readonly Made[] {
    return each.deliveries ?? each.slots.map((slot, at) => (this.#isStanding(each, at) ? this.#make(slot) : null))
  }

  #make(slot: number): Made {
    const made = this.#deps.deliver(slot)
    // One that cannot be read by an engine that has stopped meanwhile is given to nobody.
    return made instanceof Promise ? made.catch(() => null) : made
  }

  readonly #fill = (): void => {
    const due = this.#due
    this.#due = []
    for (const each of due) {
      const made = this.#deliveriesOf(each).filter((_, at) => this.#isStanding(each, at))
      if (made.some((delivery) => delivery instanceof Promise)) void this.#fillLate(each.room, made)
      else this.#fillRoom(each.room, made as readonly (Delivery | null)[])
    }
  }

  async #fillLate(room: Room, made: readonly Made[]): Promise<void> {
    this.#fillRoom(room, await Promise.all(made.map(async (delivery) => delivery)))
  }

  /** What one does with it harms no other. */
  #fillRoom(room: Room, made: readonly (Delivery | null)[]): void {
    try {
      room.filled(made.filter((delivery) => delivery !== null))
    } catch (error) {
      throwLater(error)
    }
  }

  /** Whether its lease stands: the disk may take longer than it lasts. */
  #isStanding({ slots, handouts }: HandOut, at: number): boolean {
    const slot = slots[at]!
    const chunk = this.#deps.desk.state.messages.slots.of(slot)
    const row = slot & CHUNK_MASK
    return chunk.state[row] === LEASED && chunk.handout[row] === handouts[at]
  }
}

/** As what a listener throws: nobody here can answer for it. */
function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
