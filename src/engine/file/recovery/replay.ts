/** The log from a place on, in order, frame by frame, segment by segment. */
import type { DiskFile } from '../disk/disk.ts'
import { KINDS, type StoredHeader } from '../log/frame.ts'
import { FrameReader, type FoundFrame } from '../log/frame-reader.ts'
import type { Origin } from '../log/segment.ts'
import { follower, follows, type Cursor } from './cursor.ts'
import { mendedFollower, mendedFrame } from './mended-end.ts'
import type { Stretch } from './rewrite.ts'
import { refuseNewer, type FoundSegment } from './survey.ts'
import { corrupt, judge, type Followed } from './verdict.ts'

/** Where the replay begins: behind this frame, which is or would be at `offset` of the segment. */
export interface ReplayFrom {
  readonly segment: FoundSegment
  readonly offset: number
  /** Of the last frame that is not to be replayed. */
  readonly sequence: number
}

export interface ReplayEnd {
  /** The last whole frame, or where there was none the start. */
  readonly last: Origin
  /** Its header; null where no frame was replayed. */
  readonly header: StoredHeader | null
  /** The segments it went through, with the last frame of each and where that ends. */
  readonly passed: readonly { readonly segment: FoundSegment; readonly last: number; readonly endBytes: number }[]
  /** Of the frames it went through. */
  readonly bytes: number
  /** Where the frames lie that nothing says to be durable. */
  readonly unsure: readonly Stretch[]
  /** Among these, frames of which one bit had turned, as they were. */
  readonly mended: readonly Mended[]
}

export interface Mended {
  readonly file: DiskFile
  readonly offset: number
  readonly bytes: Buffer
}

/**
 * @param promised a frame that is known to be durable
 * @throws PosthornError `corrupt`, naming the file and the range
 */
export function replay(
  all: readonly FoundSegment[],
  from: ReplayFrom,
  apply: (frame: FoundFrame, segment: FoundSegment) => void,
  promised = 0,
): ReplayEnd {
  const followed = follow(all, from, apply, promised, true)
  judge(all, followed)
  return followed.end
}

export interface FollowedLog extends Followed {
  readonly end: ReplayEnd
}

/**
 * As far as it goes, with no word on what may lie behind. @throws PosthornError `corrupt`
 * @param mends whether a frame at the end in which one bit has turned counts: else it would look like a torn tail
 */
export function follow(
  all: readonly FoundSegment[],
  from: ReplayFrom,
  apply: (frame: FoundFrame, segment: FoundSegment) => void,
  promised: number,
  mends = false,
): FollowedLog {
  const cursor: Cursor = { ...from }
  const passed: { segment: FoundSegment; last: number; endBytes: number }[] = []
  let header: StoredHeader | null = null
  let left: FoundFrame | null = null
  let syncedTo = promised
  let bytes = 0
  const mended: Mended[] = []
  const mend = (segment: FoundSegment, frame: FoundFrame | null): FoundFrame | null => {
    if (frame !== null) mended.push({ file: segment.file, offset: frame.offset, bytes: frame.bytes })
    return frame
  }
  let unsure: { readonly segment: FoundSegment; readonly offset: number; readonly sequence: number }[] = []
  for (
    let segment: FoundSegment | undefined = from.segment;
    segment !== undefined;
    segment =
      follower(all, cursor, passed) ??
      (mends ? mendedFollower(all, cursor, syncedTo, (found, frame) => mend(found, frame)) : undefined)
  ) {
    if (segment !== from.segment) enter(cursor, segment)
    refuseShort(segment)
    syncedTo = Math.max(syncedTo, segment.head!.header.syncedTo)
    const reader = new FrameReader(segment.file)
    // The head became durable with the first frame behind it.
    if (segment !== from.segment) unsure.push({ segment, offset: 0, sequence: cursor.sequence + 1 })
    const next = (): FoundFrame | null =>
      expected(reader, cursor) ??
      (mends && follower(all, cursor, [...passed, { segment }]) === undefined
        ? mend(segment, mendedFrame(all, reader, cursor, syncedTo))
        : null)
    for (let frame = next(); frame !== null; frame = next()) {
      apply(frame, segment)
      cursor.sequence = frame.header.sequence
      cursor.offset = frame.next
      unsure.push({ segment, offset: frame.offset, sequence: cursor.sequence })
      if (frame.header.syncedTo > syncedTo) {
        syncedTo = frame.header.syncedTo
        unsure = unsure.filter(({ sequence }) => sequence > syncedTo)
      }
      header = frame.header
      bytes += frame.next - frame.offset
    }
    passed.push({ segment, last: cursor.sequence, endBytes: cursor.offset })
    left = leftBehind(reader, cursor.offset)
    syncedTo = Math.max(syncedTo, left?.header.syncedTo ?? 0)
  }
  const end: ReplayEnd = {
    last: { incarnation: cursor.segment.head!.header.incarnation, sequence: cursor.sequence },
    header,
    passed,
    bytes,
    unsure: passed.flatMap(({ segment, endBytes }) => {
      const first = unsure.find((one) => one.segment === segment && one.sequence > syncedTo)
      return first === undefined ? [] : [{ file: segment.file, from: first.offset, until: endBytes }]
    }),
    mended,
  }
  return { end, cursor, syncedTo, left }
}

/** The frame behind the cursor, if it is there. */
function expected(reader: FrameReader, cursor: Cursor): FoundFrame | null {
  const frame = reader.at(cursor.offset)
  if (frame === null || !follows(frame, cursor)) return null
  refuseNewer(frame, cursor.segment.file.path)
  return frame
}

function enter(cursor: Cursor, segment: FoundSegment): void {
  cursor.segment = segment
  cursor.offset = segment.head!.endBytes
}

/** A segment that is shorter than it was when its head was written. @throws PosthornError `corrupt` */
function refuseShort({ file, sizeBytes, head }: FoundSegment): void {
  if (head === null || sizeBytes >= head.filledBytes) return
  throw corrupt(file.path, sizeBytes, head.filledBytes, 'it was cut short')
}

/** What the log wrote behind the last frame of a segment when it had gone on in another. */
function leftBehind(reader: FrameReader, offset: number): FoundFrame | null {
  const frame = reader.at(offset)
  return frame?.header.kind === KINDS.left ? frame : null
}
