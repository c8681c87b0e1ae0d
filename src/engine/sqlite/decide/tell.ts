/** Tells those who follow what has happened to a message. */
import type { Happening } from '../../../core/engine.ts'
import { attributesOf, type Content } from '../wire/content.ts'
import type { Desk } from '../desk.ts'
import { contentOf } from '../read/view.ts'
import { STATE_NAMES, type Standing } from '../state/message.ts'
import type { Queue } from '../state/queue.ts'

type Counts = Pick<Happening, 'sentAt' | 'acquired' | 'failed' | 'reason'>

export function tellSent(desk: Desk, queue: Queue, content: Content, counts: Omit<Counts, 'reason'>): void {
  if (desk.trail.isOn) tell(desk, queue, 'sent', content, { ...counts, reason: null })
}

export function tellFailed(desk: Desk, queue: Queue, message: Standing, code: string): void {
  if (desk.trail.isOn) tell(desk, queue, 'failed', contentOf(desk, message.seq), { ...message, reason: code })
}

/** DEAD, ACKED, EXPIRED, CANCELLED or DISCARDED. Its content must still be there. */
export function tellOver(desk: Desk, queue: Queue, message: Standing, state: number): void {
  if (desk.trail.isOn) tell(desk, queue, STATE_NAMES[state] as Happening['what'], contentOf(desk, message.seq), message)
}

function tell(desk: Desk, queue: Queue, what: Happening['what'], content: Content, counts: Counts): void {
  const { id, event, key = null, group = null } = attributesOf(content)
  const { sentAt, acquired, failed, reason } = counts
  desk.trail.write({
    at: desk.now,
    what,
    queue: queue.name,
    id,
    type: event.type,
    key,
    group,
    sentAt,
    acquired,
    failed,
    reason,
  })
}
