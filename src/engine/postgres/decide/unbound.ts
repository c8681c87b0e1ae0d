/** Empties the queue of a subscription that has ended. */
import { DEAD, DISCARDED, isWaiting, type Queue } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { end } from './ending.ts'

/** Discards what waits or is dead in a queue that is going; at most so many, a sweep does the rest. How many there were. */
export async function discardSome(work: Work, queue: Queue, most: number): Promise<number> {
  const known = [...work.rows.values()].filter((row) => row?.queue === queue).map((row) => row!.id)
  const [living, dead] = await Promise.all([
    work.query('waiting-of', [queue.number, known, most]),
    work.query('dead-of', [queue.number, known, most]),
  ])
  work.adoptRows(living.rows, 'message')
  work.adoptRows(dead.rows, 'past')
  const meant = [...work.rows.values()].filter(
    (row) => row !== null && row.queue === queue && !row.isGone && (isWaiting(row.state) || row.state === DEAD),
  )
  const some = meant.sort((one, other) => one!.seq - other!.seq).slice(0, most)
  for (const row of some) await end(work, row!, DISCARDED, 'reported', row!.reason)
  return some.length
}
