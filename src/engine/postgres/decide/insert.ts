/** Puts a message into a queue: every column is decided here, whoever sends it. */
import { HIGHEST_PRIORITY, type Message } from '../../../core/message.ts'
import { toAttributes } from '../row/attributes.ts'
import { READY, type Queue, type Row, type Shared } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { delay, enterLine, isPast, lineOf, momentOf } from './place.ts'

/**
 * The message is not in the queue yet.
 * @param shared where others have its body as well
 */
export async function insert(work: Work, queue: Queue, message: Message, shared: Shared | null = null): Promise<void> {
  await work.reserve(2)
  const row = describe(work, queue, message, { shared })
  work.addRow(row)
  if (message.delay !== undefined && !isPast(work, message.delay)) delay(work, row, message.delay)
  else await enterLine(work, row)
}

/** All columns but those of its place: as of a message that was just sent. */
export function describe(work: Work, queue: Queue, message: Message, over: Partial<Row> = {}): Row {
  const { body, id, expires } = message
  work.count(queue, { living: 1, bytes: body.byteLength })
  if (queue.settings.idleExpiryMs !== null || queue.isUnbound) use(work, queue)
  return {
    queue,
    id,
    origin: null,
    isGone: false,
    isDirty: true,
    seq: work.serial(),
    state: READY,
    rank: HIGHEST_PRIORITY - message.priority,
    place: null,
    line: lineOf(queue, message.key),
    lineSeq: null,
    lease: null,
    holder: null,
    until: null,
    due: null,
    isWallDue: false,
    expires: expires === undefined ? null : momentOf(work, expires),
    isWallExpires: expires !== undefined && 'at' in expires,
    acquired: 0,
    failed: 0,
    released: 0,
    isCancelled: false,
    sentAt: work.now,
    endedAt: null,
    turn: null,
    reason: null,
    failures: [],
    size: body.byteLength,
    report: message.report ?? null,
    attrs: toAttributes(message),
    body,
    shared: null,
    ...over,
  }
}

/** When the queue was used last, where it goes for want of use. */
export function use(work: Work, queue: Queue): void {
  if (queue.usedAt !== work.now) work.undo.set(queue, { usedAt: work.now })
}
