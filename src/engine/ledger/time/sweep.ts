/**
 * What time alone decides: leases lapse, delays run out, messages and records expire, and what is kept is forgotten. Run before every
 * decision and read, and by the engine's timer when the next thing falls due. One run does a bounded amount of work.
 */
import { discardSome } from '../decide/clear-queue.ts'
import { noticeRecord } from '../decide/decide-record.ts'
import type { Desk } from '../decide/desk.ts'
import { retime, settleTouched, unschedule } from './due.ts'
import { bury, end } from '../decide/ending.ts'
import { DEAD, DISCARDED, EXPIRED, FLAG, LEASED } from '../entries.ts'
import { enterLine } from '../decide/place.ts'
import type { Queue } from '../state/queue.ts'
import { retimeTopic, trimTopic } from './retain.ts'
import { giveBack } from '../decide/settle.ts'
import { CHUNK_MASK } from '../state/slots.ts'

/** Messages and records moved in one run. */
const STEPS = 2_000

/** Whether a run would find anything to do at this moment. */
export function isSweepDue(desk: Desk): boolean {
  const { now, wall } = desk
  return (
    desk.queueDue.firstDue <= now ||
    desk.queueWallDue.firstDue <= wall ||
    desk.state.records.expiry.firstDue <= wall ||
    desk.topicDue.firstDue <= now ||
    desk.hungry.size > 0
  )
}

/** Whether anything was due. */
export function sweep(desk: Desk): boolean {
  const { state, now, wall } = desk
  state.dedupe.sweep(now)
  state.commits.sweep(now)
  if (!isSweepDue(desk)) return false
  const work = { left: STEPS }
  while (work.left > 0 && desk.queueWallDue.firstDue <= wall) sweepQueue(desk, desk.queueWallDue.first, work)
  while (work.left > 0 && desk.queueDue.firstDue <= now) sweepQueue(desk, desk.queueDue.first, work)
  while (work.left > 0 && state.records.expiry.firstDue <= wall) expireRecord(desk, work)
  while (work.left > 0 && desk.topicDue.firstDue <= now) sweepTopic(desk, work)
  settleTouched(desk)
  return true
}

/** Milliseconds until the next run has something to do; Infinity: never. */
export function sweepDueInMs(desk: Desk): number {
  if (desk.hungry.size > 0) return 0
  const engineMs = Math.min(desk.queueDue.firstDue, desk.topicDue.firstDue) - desk.now
  const wallMs = Math.min(desk.queueWallDue.firstDue, desk.state.records.expiry.firstDue) - desk.wall
  return Math.max(0, Math.min(engineMs, wallMs))
}

interface Work {
  left: number
}

function sweepQueue(desk: Desk, number: number, work: Work): void {
  const queue = desk.state.queues.get(number)!
  const before = work.left
  expireMessages(desk, queue, work)
  passDues(desk, queue, work)
  forgetKept(desk, queue, work)
  if (queue.unbound && work.left > 0) work.left -= discardSome(desk, queue, work.left)
  if (isIdle(desk, queue)) return removeQueue(desk, queue)
  retime(desk, queue)
  // A queue that is due but yields nothing must not stop the others: it counts as work.
  if (work.left === before) work.left--
}

function expireMessages(desk: Desk, queue: Queue, work: Work): void {
  for (; work.left > 0 && queue.expiry.firstDue <= desk.now; work.left--)
    end(desk, queue.expiry.first, EXPIRED, 'reported')
  for (; work.left > 0 && queue.wallExpiry.firstDue <= desk.wall; work.left--)
    end(desk, queue.wallExpiry.first, EXPIRED, 'reported')
}

function passDues(desk: Desk, queue: Queue, work: Work): void {
  const { slots } = desk.state.messages
  for (; work.left > 0 && queue.due.firstDue <= desk.now; work.left--) {
    const slot = queue.due.first
    if (slots.of(slot).state[slot & CHUNK_MASK] === LEASED) lapse(desk, queue, slot)
    else enterLine(desk, slot, queue.due.firstDue)
  }
  for (; work.left > 0 && queue.wallDue.firstDue <= desk.wall; work.left--)
    enterLine(desk, queue.wallDue.first, desk.now)
}

/** A lease is over: the message is ready again, or dead if that happened too often. Not a failure: nobody said so. */
export function lapse(desk: Desk, queue: Queue, slot: number): void {
  const chunk = desk.state.messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const lapses = chunk.acquired[row]! - chunk.failed[row]! - chunk.released[row]!
  const isCancelled = (chunk.flags[row]! & FLAG.cancelRequested) !== 0
  if (lapses > queue.settings.maxLapses && !isCancelled) bury(desk, slot, 'reported', 'lapsed')
  else giveBack(desk, slot, { afterMs: 0 }, Math.min(desk.now, chunk.due[row]!))
}

function forgetKept(desk: Desk, queue: Queue, work: Work): void {
  const { keep } = queue.settings
  const isOld = (slot: number, keptMs: number): boolean =>
    desk.state.messages.slots.of(slot).due[slot & CHUNK_MASK]! + keptMs <= desk.now
  for (let slot = queue.dead.head; slot !== 0 && work.left > 0; slot = queue.dead.head, work.left--) {
    if (queue.counts[DEAD]! <= keep.deadCount && !(keep.deadMs !== null && isOld(slot, keep.deadMs))) break
    end(desk, slot, DISCARDED, 'reported')
  }
  for (let slot = queue.ended.head; slot !== 0 && work.left > 0; slot = queue.ended.head, work.left--) {
    if (queue.endedCount <= keep.endedCount && !isOld(slot, keep.endedMs)) break
    desk.effects.forgotten(slot)
  }
}

function isIdle(desk: Desk, queue: Queue): boolean {
  const { idleExpiryMs } = queue
  return idleExpiryMs !== null && queue.isEmpty && queue.feeding === null && queue.lastUsedAt + idleExpiryMs <= desk.now
}

function removeQueue(desk: Desk, queue: Queue): void {
  desk.dirty()
  for (let slot = queue.ended.head; slot !== 0; slot = queue.ended.head) desk.effects.forgotten(slot)
  desk.effects.queueGone(queue.number)
  unschedule(desk, queue)
}

function expireRecord(desk: Desk, work: Work): void {
  work.left--
  const row = desk.state.records.rows.get(desk.state.records.expiry.first)!
  desk.dirty()
  desk.effects.recordRemoved(row.record)
  noticeRecord(desk, row.key, row.aliases)
}

function sweepTopic(desk: Desk, work: Work): void {
  const topic = desk.state.topics.get(desk.topicDue.first)!
  const most = Math.min(work.left, 500)
  work.left -= most
  trimTopic(desk, topic, most)
  retimeTopic(desk, topic)
}
