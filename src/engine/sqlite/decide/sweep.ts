/**
 * What time alone decides: leases lapse, delays run out, messages and records expire, and what is kept is forgotten. Run before every call, by
 * whichever process comes first, and when the next thing falls due. One run does a bounded amount of work.
 */
import { settingsKey } from '../../../core/settings.ts'
import type { Desk } from '../desk.ts'
import { NEXT_BUNDLE_DUE } from '../state/bundle.ts'
import {
  DEAD,
  DISCARDED,
  DUE_OF_QUEUE,
  EXPIRED,
  EXPIRED_OF_QUEUE,
  LEASED,
  LEASED_BY,
  NEXT_DUE,
  NEXT_EXPIRY,
  NEXT_WALL_DUE,
  NEXT_WALL_EXPIRY,
  OLDEST_DEAD,
  OLDEST_ENDED,
  WALL_DUE_OF_QUEUE,
  WALL_EXPIRED_OF_QUEUE,
  type Standing,
} from '../state/message.ts'
import { NEXT_QUEUE_DUE, NEXT_QUEUE_WALL_DUE, type Queue } from '../state/queue.ts'
import { NEXT_RECORD_EXPIRY, RECORDS_EXPIRED, SWEEP_DEDUPES, SWEEP_REMEMBERED } from '../state/record.ts'
import { ANY_BEHIND, NEXT_TOPIC_DUE } from '../state/topic.ts'
import { discardSome, forgetEnded } from './clear-queue.ts'
import { bury, end, erase } from './ending.ts'
import { feed, feedBehind } from './feed.ts'
import { enterLine } from './place.ts'
import { forgetSettings, remove } from './record.ts'
import { trimTopic } from './retain.ts'
import { giveBack, hasExpired } from './settle.ts'
import { unbundleDue, unbundleOwned } from './unbundle.ts'

/** Messages and records moved in one run. */
const STEPS = 2_000
/** By how much the wall's clock may be corrected between two looks without having stepped. */
const STEP_MS = 1
/** Events of one topic. */
const TRIMMED_AT_ONCE = 500
/** Of dedupe texts and commit ids, which nobody sees go. */
const FORGOTTEN_STEPS = 500

interface Work {
  left: number
}

export interface DueTimes {
  /** Infinity: never. */
  readonly engineAt: number
  readonly wallAt: number
}

/** When a run has something to do, on either clock. What is in memory only has been written. */
export function dueTimes(desk: Desk): DueTimes {
  const { statements } = desk
  const next = (sql: string): number => (statements.of(sql).first()?.[0] as number | undefined) ?? Infinity
  const isBehind = statements.of(ANY_BEHIND).first() !== undefined
  return {
    engineAt: isBehind ? desk.now : Math.min(next(NEXT_QUEUE_DUE), next(NEXT_TOPIC_DUE)),
    wallAt: Math.min(next(NEXT_QUEUE_WALL_DUE), next(NEXT_RECORD_EXPIRY)),
  }
}

/**
 * Everything happens at its own time, in order, however late somebody looks: between the moment when this process last did and now. What is in memory
 * only is written before, because what is due is looked for in the tables.
 */
export function sweep(desk: Desk, { now: since, wall: wallSince }: Moment): void {
  const { now, wall } = desk
  // What a step of the wall's clock makes due is due now; without one, the wall tells when it was.
  const isStepped = Math.abs(wall - now - (wallSince - since)) > STEP_MS
  const work = { left: STEPS }
  let at = since
  for (flush(desk); work.left > 0; flush(desk)) {
    const turn = nextTurn(desk, now, wall, isStepped)
    if (turn === null) break
    at = Math.min(now, Math.max(at, turn.at))
    desk.now = at
    desk.wall = Math.max(wall - (now - at), turn.wallAt)
    if (turn.queue === null) sweepTopic(desk, turn.topic!, work)
    else sweepQueue(desk, desk.queues.get(turn.queue)!, work)
    settleTouched(desk)
  }
  Object.assign(desk, { now, wall })
  for (const [key] of desk.statements.of(RECORDS_EXPIRED).all(wall, Math.max(0, work.left))) remove(desk, key as string)
  desk.numbers.dedupes -= desk.run(SWEEP_DEDUPES, now, FORGOTTEN_STEPS)
  desk.numbers.commits -= desk.run(SWEEP_REMEMBERED, now, FORGOTTEN_STEPS)
  feedBehind(desk)
  settleTouched(desk)
}

/** On both clocks. */
export interface Moment {
  readonly now: number
  readonly wall: number
}

interface Turn {
  /** Engine time. */
  readonly at: number
  /** What the wall's clock must show. */
  readonly wallAt: number
  readonly queue: number | null
  readonly topic: string | null
}

/** Whose turn is next; null: nothing is due. */
function nextTurn(desk: Desk, now: number, wall: number, isStepped: boolean): Turn | null {
  const first = (sql: string): readonly [number, number | string] | undefined =>
    desk.statements.of(sql).first() as readonly [number, number | string] | undefined
  const turns: Turn[] = []
  const [due, wallDue, topicDue] = [first(NEXT_QUEUE_DUE), first(NEXT_QUEUE_WALL_DUE), first(NEXT_TOPIC_DUE)]
  if (due !== undefined && due[0] <= now)
    turns.push({ at: due[0], wallAt: -Infinity, queue: due[1] as number, topic: null })
  if (wallDue !== undefined && wallDue[0] <= wall)
    turns.push({
      at: isStepped ? now : now - (wall - wallDue[0]),
      wallAt: wallDue[0],
      queue: wallDue[1] as number,
      topic: null,
    })
  if (topicDue !== undefined && topicDue[0] <= now)
    turns.push({ at: topicDue[0], wallAt: -Infinity, queue: null, topic: topicDue[1] as string })
  return turns.reduce<Turn | null>((best, turn) => (best === null || turn.at < best.at ? turn : best), null)
}

export function flush(desk: Desk): void {
  desk.bundles.flush()
  desk.shared.flush()
  desk.queues.flush()
  desk.topics.flush()
}

/** After a decision: what is beyond a queue's bounds goes, and a subscription that has room again is fed. */
export function settleTouched(desk: Desk): void {
  for (let touched = desk.queues.takeTouched(); touched.length > 0; touched = desk.queues.takeTouched()) {
    for (const queue of touched) {
      if (!desk.queues.isThere(queue)) continue
      if (isBeyond(queue)) {
        const work = { left: STEPS }
        forgetKept(desk, queue, work)
        if (isBeyond(queue)) desk.lowerDue(queue, desk.now)
      }
      if (isGoing(queue)) desk.lowerDue(queue, desk.now)
      const subscription = desk.topics.feeding(queue.name)
      if (subscription?.status === 'suspended') feed(desk, subscription)
      if (queue.isEmpty && queue.idleExpiryMs !== null) desk.lowerDue(queue, queue.usedAt + queue.idleExpiryMs)
    }
  }
}

/** The process is gone: what it had handed out to itself is handed out again. */
export function lapseAll(desk: Desk, owner: number): void {
  unbundleOwned(desk, owner)
  for (const [seq] of desk.statements.of(LEASED_BY).all(owner)) {
    const message = desk.message(seq as number)!
    lapse(desk, desk.queues.get(message.queue)!, message)
  }
  settleTouched(desk)
}

function sweepTopic(desk: Desk, name: string, work: Work): void {
  work.left -= 1 + trimTopic(desk, desk.topics.find(name)!, Math.min(TRIMMED_AT_ONCE, work.left))
}

function sweepQueue(desk: Desk, queue: Queue, work: Work): void {
  work.left--
  expireMessages(desk, queue, work)
  passDues(desk, queue, work)
  forgetKept(desk, queue, work)
  if (queue.unbound && work.left > 0) work.left -= discardSome(desk, queue, work.left)
  if (isIdle(desk, queue)) removeQueue(desk, queue)
  else retime(desk, queue)
}

/** Each is read when its turn comes: the end of one may have moved another. */
function each(desk: Desk, sql: string, queue: Queue, at: number, work: Work, act: (message: Standing) => void): void {
  if (work.left <= 0) return
  for (const [seq] of desk.statements.of(sql).all(queue.id, at, work.left)) {
    const message = desk.message(seq as number)
    if (message === undefined) continue
    act(message)
    work.left--
  }
}

function expireMessages(desk: Desk, queue: Queue, work: Work): void {
  const expire = (message: Standing): void => {
    if (message.state < LEASED && hasExpired(desk, message)) end(desk, queue, message, EXPIRED, 'reported')
  }
  each(desk, EXPIRED_OF_QUEUE, queue, desk.now, work, expire)
  each(desk, WALL_EXPIRED_OF_QUEUE, queue, desk.wall, work, expire)
}

function passDues(desk: Desk, queue: Queue, work: Work): void {
  unbundleDue(desk, queue, work.left)
  each(desk, DUE_OF_QUEUE, queue, desk.now, work, (message) => {
    if (message.state === LEASED) lapse(desk, queue, message)
    else enterLine(desk, queue, message, message.due!)
  })
  each(desk, WALL_DUE_OF_QUEUE, queue, desk.wall, work, (message) => enterLine(desk, queue, message, desk.now))
}

/** A lease is over: the message is ready again, or dead if that happened too often. Not a failure: nobody said so. */
function lapse(desk: Desk, queue: Queue, message: Standing): void {
  const lapses = message.acquired - message.failed - message.released
  if (lapses > queue.settings.maxLapses && !message.cancel) bury(desk, queue, message, 'reported', 'lapsed')
  else giveBack(desk, queue, message, { afterMs: 0 }, Math.min(desk.now, message.due!))
}

function isBeyond({ counts, kept, settings: { keep } }: Queue): boolean {
  return counts[DEAD]! > keep.deadCount || kept > keep.endedCount
}

/** Its subscription has ended, and something is still to be discarded. */
function isGoing({ unbound, living, counts }: Queue): boolean {
  return unbound && living + counts[DEAD]! > counts[LEASED]!
}

function forgetKept(desk: Desk, queue: Queue, work: Work): void {
  const { keep } = queue.settings
  for (; work.left > 0; work.left--) {
    const isOver = queue.counts[DEAD]! > keep.deadCount
    const message =
      isOver || keep.deadMs !== null ? oldest(desk, OLDEST_DEAD, queue, isOver ? null : keep.deadMs!) : undefined
    if (message === undefined) break
    end(desk, queue, message, DISCARDED, 'reported')
  }
  for (; work.left > 0 && queue.kept > 0; work.left--) {
    const message = oldest(desk, OLDEST_ENDED, queue, queue.kept > keep.endedCount ? null : keep.endedMs)
    if (message === undefined) break
    erase(desk, queue, message)
  }
}

/** The first that ended, if that is so long ago; null: however long. */
function oldest(desk: Desk, sql: string, queue: Queue, keptMs: number | null): Standing | undefined {
  const row = desk.statements.of(sql).first(queue.id)
  if (row === undefined || (keptMs !== null && (row[1] as number) + keptMs > desk.now)) return undefined
  return desk.message(row[0] as number)
}

function isIdle(desk: Desk, queue: Queue): boolean {
  const { idleExpiryMs } = queue
  if (idleExpiryMs === null || !queue.isEmpty || queue.usedAt + idleExpiryMs > desk.now) return false
  return desk.topics.feeding(queue.name) === undefined
}

function removeQueue(desk: Desk, queue: Queue): void {
  forgetEnded(desk, queue)
  desk.queues.remove(queue)
  forgetSettings(desk, settingsKey(queue.name))
}

/** When the queue must be looked at next, exactly. */
function retime(desk: Desk, queue: Queue): void {
  desk.bundles.flush()
  const { keep } = queue.settings
  const next = (sql: string): number => (desk.statements.of(sql).first(queue.id)?.[0] as number | undefined) ?? Infinity
  const ended = (sql: string, keptMs: number | null): number => {
    const row = keptMs === null ? undefined : desk.statements.of(sql).first(queue.id)
    return row === undefined ? Infinity : (row[1] as number) + keptMs!
  }
  let due = Math.min(
    next(NEXT_DUE),
    next(NEXT_BUNDLE_DUE),
    next(NEXT_EXPIRY),
    ended(OLDEST_DEAD, keep.deadMs),
    ended(OLDEST_ENDED, keep.endedMs),
  )
  if (isBeyond(queue) || isGoing(queue)) due = desk.now
  if (queue.idleExpiryMs !== null && queue.isEmpty && desk.topics.feeding(queue.name) === undefined)
    due = Math.min(due, queue.usedAt + queue.idleExpiryMs)
  const wallDue = Math.min(next(NEXT_WALL_DUE), next(NEXT_WALL_EXPIRY))
  Object.assign(desk.queues.change(queue), { due: finite(due), wallDue: finite(wallDue) })
}

const finite = (at: number): number | null => (at === Infinity ? null : at)
