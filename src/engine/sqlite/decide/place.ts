/** Where a message stands when it may be handed out as far as time goes: ready, or held behind the head of its line. */
import type { Desk } from '../desk.ts'
import {
  DELAYED,
  FIRST_HELD,
  HEAD_OF_LINE,
  HELD,
  LEASED,
  READY,
  SET_DELAYED,
  SET_HELD,
  SET_READY,
  type Standing,
} from '../state/message.ts'
import type { Queue } from '../state/queue.ts'

/** Whether somebody is at the head of the line. */
export function isBusy(desk: Desk, queue: Queue, line: string): boolean {
  return desk.statements.of(HEAD_OF_LINE).first(queue.id, line) !== undefined
}

/** Ready since `place`, or at the tail of its line; who is at the head of its line stays there. */
export function enterLine(desk: Desk, queue: Queue, message: Standing, place: number): void {
  if (message.line === null || message.head || !isBusy(desk, queue, message.line))
    return ready(desk, queue, message, place)
  move(desk, queue, message, HELD)
  desk.run(SET_HELD, desk.nextTurn(), message.seq)
}

export function ready(desk: Desk, queue: Queue, message: Standing, place: number): void {
  move(desk, queue, message, READY)
  desk.run(SET_READY, place, message.seq)
  desk.notices.queue(queue.name)
}

/** Waits until a moment on the engine's clock, or the wall's. Keeps its head of the line, if it has it. */
export function delay(desk: Desk, queue: Queue, message: Standing, at: number, isWall: boolean): void {
  move(desk, queue, message, DELAYED)
  desk.run(SET_DELAYED, isWall ? null : at, isWall ? at : null, message.seq)
  if (isWall) desk.lowerWallDue(queue, at)
  else desk.lowerDue(queue, at)
}

/** After the head of a line has ended: the next of the line is ready. */
export function promote(desk: Desk, queue: Queue, line: string): void {
  const first = desk.statements.of(FIRST_HELD).first(queue.id, line)
  const next = first && desk.message(first[0] as number)
  if (next !== undefined) ready(desk, queue, next, desk.now)
}

/** Counts the message in another state; its row is written by whoever calls. */
export function move(desk: Desk, queue: Queue, message: Standing, state: number): void {
  desk.isDirty = true
  desk.queues.change(queue)
  queue.leave(message.state, message.bytes)
  queue.enter(state, message.bytes)
  message.state = state
  if (queue.unbound) desk.queues.touch(queue)
  // What waits again may have expired meanwhile, or expires next.
  if (message.expires !== null && state < LEASED) desk.lowerDue(queue, message.expires)
  if (message.wallExpires !== null && state < LEASED) desk.lowerWallDue(queue, message.wallExpires)
}
