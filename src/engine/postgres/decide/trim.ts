/** What is kept of dead and ended messages stays within the numbers that its queue says, the oldest go first. */
import { DEAD, DISCARDED, type Kept, type Queue, type Row } from '../row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { end } from './ending.ts'
import { discardSome } from './unbound.ts'

/** Rows fetched at once. */
const BATCH = 200

/** Of the queues that keep more than before. */
export async function trimFuller(work: Work): Promise<void> {
  for (const queue of work.queuesByNumber.values()) {
    if (!queue.isFuller || queue.isGone) continue
    await trimQueue(work, queue)
  }
}

async function trimQueue(work: Work, queue: Queue): Promise<void> {
  const { keep } = queue.settings
  // Who has a subscription that ended keeps nothing but what is handed out.
  if (queue.isUnbound) await discardSome(work, queue, work.limits.sweep)
  for (let kept = await work.kept(queue); kept.dead > keep.deadCount; kept = await work.kept(queue)) {
    const oldest = await oldestOf(work, queue, 'dead')
    if (oldest === null) break
    await end(work, oldest, DISCARDED, 'reported', oldest.reason)
  }
  for (let kept = await work.kept(queue); kept.ended > keep.endedCount; kept = await work.kept(queue)) {
    const oldest = await oldestOf(work, queue, 'ended')
    if (oldest === null) break
    forget(work, oldest)
  }
  work.undo.note(queue, { isFuller: false })
}

export function forget(work: Work, row: Row): void {
  work.keep(row.queue, 'ended', -1)
  work.undo.set(row, { isGone: true })
}

/** The one that died or ended first, of those that are still kept. */
export async function oldestOf(work: Work, queue: Queue, kind: keyof Kept): Promise<Row | null> {
  const isOfKind = (row: Row | null): row is Row =>
    row !== null &&
    row.queue === queue &&
    !row.isGone &&
    row.state >= DEAD &&
    (row.state === DEAD) === (kind === 'dead')
  for (let after = -1; ;) {
    const { rows } = queue.isNew
      ? { rows: [] }
      : await work.query('oldest-past', [queue.number, kind === 'dead', after, BATCH])
    const stored = work.adoptRows(rows, 'past').filter(isOfKind)
    // What this unit of work has ended comes behind all that had ended before.
    if (stored.length === 0 && rows.length === BATCH) {
      after = rows.at(-1)!.turn as number
      continue
    }
    const mine = [...work.rows.values()].filter(isOfKind)
    const all = [...stored, ...mine].sort((one, other) => one.turn! - other.turn!)
    return all[0] ?? null
  }
}
