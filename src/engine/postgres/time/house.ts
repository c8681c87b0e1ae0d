/** What a queue keeps too long is forgotten, and queues that nobody uses go. */
import { settingsKey } from '../../../core/settings.ts'
import { oldestOf, forget } from '../decide/trim.ts'
import { discardSome } from '../decide/unbound.ts'
import { idleMsOf } from '../decide/ending.ts'
import { DEAD, type Queue, type Row } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'

/** Forgets the ended. Gives the dead that are to be discarded, each at its time. */
export async function keepHouse(work: Work, queue: Queue): Promise<readonly Row[]> {
  const { keep } = queue.settings
  const { now } = work
  const most = work.limits.sweep
  work.undo.note(queue, { isFuller: true })
  const ended = await work.query('old-past', [queue.number, false, now - keep.endedMs, most])
  for (const row of work.adoptRows(ended.rows, 'past')) if (row.state > DEAD && !row.isGone) forget(work, row)
  if (keep.deadMs === null) return []
  const dead = await work.query('old-past', [queue.number, true, now - keep.deadMs, most])
  return work.adoptRows(dead.rows, 'past').filter((row) => row.state === DEAD && !row.isGone)
}

/** After a round: what is left of a queue that is going is discarded, an idle one removed; and when it must be looked at next. */
export async function planHouse(work: Work, queue: Queue): Promise<void> {
  const { keep } = queue.settings
  const isEmptied = !queue.isUnbound || (await discardSome(work, queue, work.limits.sweep)) === 0
  const { messages } = await work.living(queue)
  const { dead } = await work.kept(queue)
  const idleMs = idleMsOf(queue)
  const isBound = queue.name.startsWith('topic:') && !queue.isUnbound
  const idleAt = idleMs === null || isBound || messages + dead > 0 ? Infinity : queue.usedAt + idleMs
  if (idleAt <= work.now) return removeQueue(work, queue)
  const [oldestDead, oldestEnded] = [await oldestOf(work, queue, 'dead'), await oldestOf(work, queue, 'ended')]
  const deadAt = oldestDead === null || keep.deadMs === null ? Infinity : oldestDead.endedAt! + keep.deadMs
  const endedAt = oldestEnded === null ? Infinity : oldestEnded.endedAt! + keep.endedMs
  const houseAt = Math.min(isEmptied ? Infinity : work.now, idleAt, deadAt, endedAt)
  work.undo.set(queue, { houseAt: houseAt === Infinity ? null : houseAt })
}

async function removeQueue(work: Work, queue: Queue): Promise<void> {
  for (const row of work.rows.values()) if (row?.queue === queue) work.undo.set(row, { isGone: true })
  work.undo.set(queue, { isGone: true })
  const record = await work.record(settingsKey(queue.name))
  if (record.isThere) work.undo.set(record, { isThere: false })
}
