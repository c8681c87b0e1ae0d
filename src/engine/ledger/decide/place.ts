/** Where a message stands when it may be handed out as far as time goes: ready, or held behind its key. */
import type { Desk } from './desk.ts'
import { FLAG } from '../entries.ts'
import { NO_LINE } from '../state/message-column.ts'
import type { Queue } from '../state/queue.ts'
import { CHUNK_MASK } from '../state/slots.ts'

/** Ready since `place`, or at the tail of its line; who is at the head of its line stays there. */
export function enterLine(desk: Desk, slot: number, place: number): void {
  const { messages, queues } = desk.state
  const chunk = messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const line = messages.lineOf(slot)
  const mustWait =
    line !== NO_LINE && (chunk.flags[row]! & FLAG.head) === 0 && queues.rows[chunk.queue[row]!]!.lines.isBusy(line)
  if (mustWait) desk.effects.held(slot, desk.state.turn + 1)
  else desk.effects.readied(slot, place)
}

/** The line in which the message is at the head; `NO_LINE` where it is not. */
export function headOf(desk: Desk, slot: number): number {
  const { messages } = desk.state
  const isHead = (messages.slots.of(slot).flags[slot & CHUNK_MASK]! & FLAG.head) !== 0
  return isHead ? messages.lineOf(slot) : NO_LINE
}

/** After the head of a line has ended: the next of the line is ready. */
export function promote(desk: Desk, queue: Queue, line: number): void {
  if (line === NO_LINE || queue.lines.isBusy(line)) return
  const next = queue.lines.firstHeld(line)
  if (next === 0) return
  desk.effects.readied(next, desk.now)
}
