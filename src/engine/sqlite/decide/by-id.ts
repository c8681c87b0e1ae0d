/** What is done to messages by their ids, without holding them: cancel, redrive, discard. Unknown ids and unfit states do not count. */
import type { ChangeResult } from '../../../core/engine.ts'
import { isUuid } from '../../../core/id.ts'
import type { MessageRef } from '../../../core/message.ts'
import type { Desk } from '../desk.ts'
import {
  CANCELLED,
  DEAD,
  DISCARDED,
  LEASED,
  SEQ_OF_ID,
  SET_CANCEL,
  SET_REDRIVEN,
  type Standing,
} from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { end } from './ending.ts'
import { enterLine } from './place.ts'
import { toToken } from './token.ts'

export type ById = 'cancel' | 'redrive' | 'discard'

export function decideById(desk: Desk, verb: ById, refs: readonly MessageRef[]): ChangeResult {
  const decide = { cancel, redrive, discard }[verb]
  let count = 0
  for (const seq of inOrder(desk, refs)) {
    // Read when its turn comes: the end of one makes another ready, or forgotten.
    const message = desk.message(seq)
    const queue = message && desk.queues.get(message.queue)
    if (message !== undefined && queue !== undefined && decide(desk, queue, message)) count++
  }
  return { count }
}

/** In order of arrival, so that those that become ready together do so in that order. */
function inOrder(desk: Desk, refs: readonly MessageRef[]): number[] {
  const found = new Set<number>()
  for (const ref of refs) {
    const seq = findSeq(desk, ref)
    if (seq !== undefined) found.add(seq)
  }
  return [...found].sort((one, other) => one - other)
}

export function findSeq(desk: Desk, { queue: name, id }: MessageRef): number | undefined {
  const queue = isUuid(id) ? desk.queues.find(name) : undefined
  if (queue === undefined) return undefined
  return (
    desk.bundles.find(queue.id, id) ?? (desk.statements.of(SEQ_OF_ID).first(queue.id, id)?.[0] as number | undefined)
  )
}

function cancel(desk: Desk, queue: Queue, message: Standing): boolean {
  if (message.state === LEASED) {
    if (!message.cancel) {
      desk.isDirty = true
      desk.run(SET_CANCEL, message.seq)
    }
    desk.notices.cancel(queue.name, toToken(message.owner, message.seq, message.handout))
    return true
  }
  if (message.state > LEASED) return false
  end(desk, queue, message, CANCELLED, 'reported')
  return true
}

function redrive(desk: Desk, queue: Queue, message: Standing): boolean {
  if (message.state !== DEAD) return false
  desk.use(queue)
  desk.run(SET_REDRIVEN, message.seq)
  enterLine(desk, queue, message, desk.now)
  return true
}

function discard(desk: Desk, queue: Queue, message: Standing): boolean {
  if (message.state === LEASED || message.state > DEAD) return false
  end(desk, queue, message, DISCARDED, 'reported')
  return true
}
