/** Where a message stands: ready, behind its key, or waiting for its time; and who is next where it leaves. */
import type { When } from '../../../core/message.ts'
import { DELAYED, HELD, READY, type Queue, type Row } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'

/** Behind whom messages of that key wait in the queue: '' for all of it; null: nobody. */
export function lineOf(queue: Queue, key: string | undefined): string | null {
  if (queue.lineBy === 'strict') return ''
  return queue.lineBy === 'none' || key === undefined ? null : key
}

export const isPast = (work: Work, when: When): boolean => ('at' in when ? when.at <= work.wall : when.afterMs <= 0)
/** The moment on its own clock. */
export const momentOf = (work: Work, when: When): number => Math.round('at' in when ? when.at : work.now + when.afterMs)

export function delay(work: Work, row: Row, when: When): void {
  work.undo.set(row, { state: DELAYED, due: momentOf(work, when), isWallDue: 'at' in when })
}

/** Ready, or at the tail of its line. Who is at the head stays there. */
export async function enterLine(work: Work, row: Row): Promise<void> {
  if (row.line !== null && row.lineSeq === null) {
    const first = await work.lines.firstOf(row.queue, row.line)
    await work.reserve(1)
    work.undo.set(row, { lineSeq: work.serial() })
    if (first !== null) return work.undo.set(row, { state: HELD, due: null, place: null })
  }
  makeReady(work, row)
}

/** After the head of a line has gone, the next is ready. */
export async function promote(work: Work, queue: Queue, line: string | null): Promise<void> {
  if (line === null) return
  const next = await work.lines.firstOf(queue, line)
  if (next !== null && next.state === HELD) makeReady(work, next)
}

function makeReady(work: Work, row: Row): void {
  work.undo.set(row, { state: READY, due: null, place: work.now })
  work.hints.push({ queue: row.queue.name })
}
