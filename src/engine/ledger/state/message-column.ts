/** How a message is written into the columns of its slot, and the line that they say it stands in. */
import { FLAG, type MessageRow } from '../entries.ts'
import { STRICT_LINE } from './key-line.ts'
import type { Chunk } from './slots.ts'

/** No line: the message waits for nobody. */
export const NO_LINE = -1

/** A key's name, `STRICT_LINE` or `NO_LINE`. */
export function lineIn(flags: number, key: number): number {
  if ((flags & FLAG.strict) !== 0) return STRICT_LINE
  return key === 0 || (flags & FLAG.unlined) !== 0 ? NO_LINE : key
}

export function writeColumns(chunk: Chunk, row: number, message: MessageRow): void {
  chunk.place[row] = message.place
  chunk.due[row] = message.due
  chunk.seq[row] = message.seq
  chunk.sentAt[row] = message.sentAt
  chunk.next[row] = 0
  chunk.id0[row] = message.id0
  chunk.id1[row] = message.id1
  chunk.id2[row] = message.id2
  chunk.id3[row] = message.id3
  chunk.queue[row] = message.queue
  chunk.block[row] = message.block
  chunk.bytes[row] = message.bytes
  chunk.write('key', row, message.key)
  chunk.write('group', row, message.group)
  chunk.type[row] = message.type
  chunk.write('report', row, message.report)
  chunk.write('acquired', row, message.acquired)
  chunk.write('failed', row, message.failed)
  chunk.write('released', row, message.released)
  chunk.state[row] = message.state
  chunk.flags[row] = message.flags
  chunk.priority[row] = message.priority
  if (message.expires !== 0) (chunk.expires ??= new Map()).set(row, message.expires)
  if (message.reason !== 0) (chunk.reason ??= new Map()).set(row, message.reason)
  if (message.about !== 0) (chunk.about ??= new Map()).set(row, message.about)
}
