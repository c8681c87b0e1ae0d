/** The frames of a damaged log that are still whole, in order, and where there are none: what the recovery reads, without its certainty. */
import { KINDS, type StoredHeader } from '../log/frame.ts'
import { FrameReader } from '../log/frame-reader.ts'
import { refuseNewer, type FoundSegment } from '../recovery/survey.ts'
import type { Loss } from './loss.ts'

export interface LogFrame {
  readonly segment: FoundSegment
  readonly offset: number
  readonly header: StoredHeader
}

export interface FoundLog {
  readonly frames: readonly LogFrame[]
  /** The last frame that anything says to have been durable. */
  readonly promised: number
}

/** @param after only frames behind this one: what came before is in the checkpoint */
export function findFrames(found: readonly FoundSegment[], after: number, promised: number, loss: Loss): FoundLog {
  const bySequence = new Map<number, LogFrame>()
  for (const segment of found) {
    if (segment.isBlank) continue
    const frames = framesOf(segment, loss)
    for (const frame of frames) {
      const { sequence, incarnation, syncedTo, kind } = frame.header
      promised = Math.max(promised, syncedTo)
      if (kind !== KINDS.entries || sequence <= after) continue
      // A later opening went on from an earlier frame: this one was its torn tail.
      if (isCut(found, incarnation, sequence)) continue
      const other = bySequence.get(sequence)
      if (other === undefined || other.header.incarnation < incarnation) bySequence.set(sequence, frame)
    }
  }
  const frames = [...bySequence.values()].toSorted((one, other) => one.header.sequence - other.header.sequence)
  return { frames, promised }
}

/** A later opening began at or before this frame. */
function isCut(found: readonly FoundSegment[], incarnation: number, sequence: number): boolean {
  return found.some(
    ({ head }) => head !== null && head.header.incarnation > incarnation && head.header.sequence <= sequence,
  )
}

/** Those of the segment's own time; what it holds from earlier use is another's. */
function framesOf(segment: FoundSegment, loss: Loss): LogFrame[] {
  const reader = new FrameReader(segment.file)
  const all: LogFrame[] = []
  for (const frame of reader.search(0)) {
    refuseNewer(frame, segment.file.path)
    all.push({ segment, offset: frame.offset, header: frame.header })
  }
  const newest =
    segment.head?.header.incarnation ??
    Math.max(...all.flatMap(({ header }) => (header.kind === KINDS.entries ? [header.incarnation] : [])))
  const own: LogFrame[] = []
  let expectedAt = segment.head?.endBytes ?? 0
  for (const frame of all) {
    const { incarnation, sequence, kind } = frame.header
    // An opening leaves the segment of the one before it: what it says there of the log that went on is of this use.
    if (kind === KINDS.left && incarnation > newest) own.push(frame)
    const last = own.at(-1)?.header.sequence ?? (segment.head?.header.sequence ?? 1) - 1
    if (kind === KINDS.head || incarnation !== newest || (kind === KINDS.entries && sequence <= last)) continue
    if (kind !== KINDS.entries) {
      own.push(frame)
      continue
    }
    if (frame.offset > expectedAt)
      loss.ranges.push({ file: segment.file.path, from: expectedAt, until: frame.offset, what: 'frames of the log' })
    own.push(frame)
    expectedAt = reader.at(frame.offset)!.next
  }
  if (segment.head === null && all.length > 0)
    loss.ranges.push({ file: segment.file.path, from: 0, until: all[0]!.offset, what: 'the head of a segment' })
  return own
}
