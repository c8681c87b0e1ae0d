/** What is kept of dead and ended messages stays within the numbers that its queue says, the oldest go first. */
import { DEAD, DISCARDED, type Kept, type Queue, type Row } from '../row/row.ts'
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
  const { dead } = await work.kept(queue)
  for (const row of await oldest(work, queue, 'dead', dead - keep.deadCount))
    await end(work, row, DISCARDED, 'reported', row.reason)
  // What was just discarded has ended, too.
  const { ended } = await work.kept(queue)
  for (const row of await oldest(work, queue, 'ended', ended - keep.endedCount)) forget(work, row)
  work.undo.note(queue, { isFuller: false })
}

/**
 * The queue of a subscription that had ended, for one that is bound anew: of what was there only what is handed out is left, and what is more than one
 * commit should discard.
 */
export async function beginAnew(work: Work, queue: Queue): Promise<void> {
  if (!queue.isUnbound) return
  await discardSome(work, queue, work.limits.sweep)
  const { ended } = await work.kept(queue)
  for (const row of await oldest(work, queue, 'ended', ended)) forget(work, row)
}

export function forget(work: Work, row: Row): void {
  work.keep(row.queue, 'ended', -1)
  work.undo.set(row, { isGone: true })
}

/** The one that died or ended first, of those that are still kept. */
export async function oldestOf(work: Work, queue: Queue, kind: keyof Kept): Promise<Row | null> {
  return (await oldest(work, queue, kind, 1))[0] ?? null
}

/** The first so many, in their order. */
async function oldest(work: Work, queue: Queue, kind: keyof Kept, count: number): Promise<readonly Row[]> {
  if (count <= 0) return []
  const isOfKind = (row: Row | null): row is Row =>
    row !== null &&
    row.queue === queue &&
    !row.isGone &&
    row.state >= DEAD &&
    (row.state === DEAD) === (kind === 'dead')
  const found = new Set<Row>()
  for (let after = -1; !queue.isNew;) {
    const { rows } = await work.query('oldest-past', [queue.number, kind === 'dead', after, BATCH])
    for (const row of work.adoptRows(rows, 'past')) if (isOfKind(row)) found.add(row)
    if (rows.length < BATCH || found.size >= count) break
    after = rows.at(-1)!.turn as number
  }
  // What this unit of work has ended comes behind all that had ended before.
  if (found.size < count) for (const row of work.rows.values()) if (isOfKind(row)) found.add(row)
  return [...found].sort((one, other) => one.turn! - other.turn!).slice(0, count)
}
