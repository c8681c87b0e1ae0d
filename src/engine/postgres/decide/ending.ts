/** How messages end: acked, expired, cancelled, discarded, or dead; who is told, and who is next in their line. */
import { toJsonBytes } from '../../../core/json.ts'
import { DEFAULT_PRIORITY, REPORT_TYPE, type Message, type Report } from '../../../core/message.ts'
import { fromAttributes } from '../row/attributes.ts'
import { ACKED, CANCELLED, DEAD, DISCARDED, EXPIRED, STATES, type Queue, type Row, type Tally } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { insert, use } from './insert.ts'
import { promote } from './place.ts'

/** What ends of its own accord is reported; an outcome of its holder is not. */
export type Told = 'reported' | 'unreported'

/** A queue that nothing is bound to any more goes after so long, as ended messages do. */
const UNBOUND_EXPIRY_MS = 3_600_000

/** After how long without use the queue goes; null: never. */
export function idleMsOf(queue: Queue): number | null {
  return queue.settings.idleExpiryMs ?? (queue.isUnbound ? UNBOUND_EXPIRY_MS : null)
}

const TOTALS: Readonly<Record<number, keyof Tally>> = {
  [ACKED]: 'acked',
  [EXPIRED]: 'expired',
  [CANCELLED]: 'cancelled',
  [DISCARDED]: 'discarded',
}

export async function end(work: Work, row: Row, state: number, told: Told, reason: string | null): Promise<void> {
  const { queue, line, lineSeq } = row
  const { keep } = queue.settings
  const isKept = state === DEAD || (keep.endedMs > 0 && keep.endedCount > 0 && (state !== ACKED || keep.acked))
  if (row.state < DEAD) work.count(queue, { living: -1, bytes: -row.size })
  else work.keep(queue, 'dead', -1)
  if (state !== DEAD) work.count(queue, { [TOTALS[state]!]: 1 })
  await work.reserve(2)
  const free = { lease: null, holder: null, until: null, due: null, lineSeq: null, place: null }
  work.undo.set(row, { ...free, state, endedAt: work.now, turn: work.serial(), reason, isGone: !isKept })
  if (isKept) {
    work.keep(queue, state === DEAD ? 'dead' : 'ended', 1)
    houseBy(work, row, state === DEAD ? keep.deadMs : keep.endedMs)
  }
  const idleMs = idleMsOf(queue)
  if (idleMs !== null) {
    use(work, queue)
    houseBy(work, row, idleMs)
  }
  work.touched.add(queue)
  if (told === 'reported' && row.report !== null) await report(work, row)
  if (lineSeq !== null) await promote(work, queue, line)
}

/** The queue is looked at again when what was just kept is too old. */
function houseBy(work: Work, { queue }: Row, keptMs: number | null): void {
  if (keptMs === null) return
  const at = work.now + keptMs
  if (queue.houseAt === null || at < queue.houseAt) work.undo.set(queue, { houseAt: at })
}

async function report(work: Work, row: Row): Promise<void> {
  const told: Report = {
    id: row.id,
    queue: row.queue.name,
    state: STATES[row.state] as Report['state'],
    reason: row.reason,
    acquired: row.acquired,
    failed: row.failed,
    sentAt: row.sentAt,
    endedAt: work.now,
    message: fromAttributes(row.attrs, row.id, row.report),
  }
  await tell(work, row.report!, told)
}

export async function tell(work: Work, queue: string, report: Report): Promise<void> {
  await insert(work, await work.makeQueue(queue), engineMessage(work, REPORT_TYPE, report))
}

/** A message that the engine itself sends. */
export function engineMessage(work: Work, type: string, body: unknown): Message {
  const id = work.uuid()
  const event = { id, source: 'posthorn:engine', type, datacontenttype: 'application/json' }
  return { id, event, body: toJsonBytes(body), priority: DEFAULT_PRIORITY }
}
