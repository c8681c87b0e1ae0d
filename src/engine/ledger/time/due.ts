/** When a queue must be looked at next: for a delay, a lease, an expiry, what is kept too long, or because nobody uses it. */
import type { Desk } from '../decide/desk.ts'
import { DEAD } from '../entries.ts'
import type { DueHeap, SparsePlaces } from '../state/due-heap.ts'
import { feed, feedHungry } from '../decide/feed.ts'
import type { Queue } from '../state/queue.ts'
import { CHUNK_MASK } from '../state/slots.ts'

/** After a decision: subscriptions that have room again are fed, and queues that changed are due when they now are. */
export function settleTouched(desk: Desk): void {
  feedHungry(desk)
  const { state } = desk
  while (state.touched.length > 0) {
    const touched = state.touched
    state.touched = []
    for (const queue of touched) {
      queue.isTouched = false
      if (state.queues.get(queue.number) === queue) settleQueue(desk, queue)
    }
  }
}

function settleQueue(desk: Desk, queue: Queue): void {
  const { feeding } = queue
  if (feeding !== null && !feeding.isLive) {
    const subscription = desk.state.subscriptions.get(feeding.row.number)
    if (subscription !== undefined && !desk.hungry.has(feeding.row.number)) feed(desk, subscription)
  }
  retime(desk, queue)
}

export function retime(desk: Desk, queue: Queue): void {
  const dueAt = nextDue(desk, queue)
  if (dueAt !== queue.nextDueAt) {
    queue.nextDueAt = dueAt
    schedule(desk.queueDue, desk.queueDuePlaces, queue.number, dueAt)
  }
  const wallDueAt = Math.min(queue.wallDue.firstDue, queue.wallExpiry.firstDue)
  if (wallDueAt !== queue.nextWallDueAt) {
    queue.nextWallDueAt = wallDueAt
    schedule(desk.queueWallDue, desk.queueWallPlaces, queue.number, wallDueAt)
  }
}

/** Forgets when a queue is due that is no more. */
export function unschedule(desk: Desk, queue: Queue): void {
  schedule(desk.queueDue, desk.queueDuePlaces, queue.number, Infinity)
  schedule(desk.queueWallDue, desk.queueWallPlaces, queue.number, Infinity)
}

/** Milliseconds until time alone can make a message of the queue ready; Infinity: it cannot. */
export function readyInMs(desk: Desk, queue: Queue): number {
  if (queue.settings.paused || queue.unbound) return Infinity
  const hasHeld = queue.lines.size > 0
  const at = hasHeld ? Math.min(queue.due.firstDue, queue.expiry.firstDue) : queue.due.firstDue
  const wallAt = hasHeld ? Math.min(queue.wallDue.firstDue, queue.wallExpiry.firstDue) : queue.wallDue.firstDue
  return Math.max(0, Math.min(at - desk.now, wallAt - desk.wall))
}

function nextDue(desk: Desk, queue: Queue): number {
  const { keep } = queue.settings
  let at = Math.min(queue.due.firstDue, queue.expiry.firstDue)
  if (queue.dead.head !== 0) {
    if (queue.counts[DEAD]! > keep.deadCount) return desk.now
    if (keep.deadMs !== null) at = Math.min(at, dueOf(desk, queue.dead.head) + keep.deadMs)
  }
  if (queue.ended.head !== 0) {
    if (queue.endedCount > keep.endedCount) return desk.now
    at = Math.min(at, dueOf(desk, queue.ended.head) + keep.endedMs)
  }
  if (queue.unbound && queue.living + queue.counts[DEAD]! > queue.leased) return desk.now
  if (queue.idleExpiryMs !== null && queue.isEmpty && queue.feeding === null)
    at = Math.min(at, queue.lastUsedAt + queue.idleExpiryMs)
  return at
}

function dueOf(desk: Desk, slot: number): number {
  return desk.state.messages.slots.of(slot).due[slot & CHUNK_MASK]!
}

function schedule(heap: DueHeap, places: SparsePlaces, queue: number, at: number): void {
  if (!places.has(queue)) {
    if (at !== Infinity) heap.push(queue, at)
  } else if (at !== Infinity) heap.change(queue, at)
  else {
    heap.remove(queue)
    places.forget(queue)
  }
}
