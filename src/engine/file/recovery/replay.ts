/**
 * The log from a place on, in order, frame by frame, segment by segment. Where it ends, the question is whether this is its tail
 * (nobody was told that more is durable: cut it) or damage (somebody was: stop, and say exactly where).
 */
import { dirname, join } from 'node:path'
import { PosthornError } from '../../../core/error.ts'
import { ALIGNMENT, KINDS, type StoredHeader } from '../log/frame.ts'
import { FrameReader, type FoundFrame } from '../log/frame-reader.ts'
import { parseLeft, segmentName, type Origin } from '../log/segment.ts'
import type { Stretch } from './rewrite.ts'
import { refuseNewer, type FoundSegment } from './survey.ts'

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
}

interface Cursor {
  segment: FoundSegment
  offset: number
  sequence: number
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
  const followed = follow(all, from, apply, promised)
  judge(all, followed)
  return followed.end
}

/** Whether the log ends where it was followed to. @throws PosthornError `corrupt`; `promised` of its details is how far it was durable */
export function judge(all: readonly FoundSegment[], { cursor, syncedTo, left }: Followed): void {
  if (left !== null && left.header.syncedTo > cursor.sequence) throw lostFollower(all, cursor, left)
  judgeEnd(all, cursor, syncedTo)
}

export interface Followed {
  readonly end: ReplayEnd
  readonly cursor: Readonly<Cursor>
  /** The highest frame that anything passed said to be durable. */
  readonly syncedTo: number
  readonly left: FoundFrame | null
}

/** As far as it goes, with no word on what may lie behind. @throws PosthornError `corrupt` */
export function follow(
  all: readonly FoundSegment[],
  from: ReplayFrom,
  apply: (frame: FoundFrame, segment: FoundSegment) => void,
  promised: number,
): Followed {
  const cursor: Cursor = { ...from }
  const passed: { segment: FoundSegment; last: number; endBytes: number }[] = []
  let header: StoredHeader | null = null
  let left: FoundFrame | null = null
  let syncedTo = promised
  let bytes = 0
  let unsure: { readonly segment: FoundSegment; readonly offset: number; readonly sequence: number }[] = []
  for (
    let segment: FoundSegment | undefined = from.segment;
    segment !== undefined;
    segment = follower(all, cursor, passed)
  ) {
    if (segment !== from.segment) enter(cursor, segment)
    refuseShort(segment)
    syncedTo = Math.max(syncedTo, segment.head!.header.syncedTo)
    const reader = new FrameReader(segment.file)
    // The head became durable with the first frame behind it.
    if (segment !== from.segment) unsure.push({ segment, offset: 0, sequence: cursor.sequence + 1 })
    for (let frame = expected(reader, cursor); frame !== null; frame = expected(reader, cursor)) {
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
  }
  return { end, cursor, syncedTo, left }
}

/**
 * The same question where there is neither a checkpoint nor a first segment: is the folder new, or has something been lost?
 * @throws PosthornError `corrupt`
 */
export function judgeEmpty(all: readonly FoundSegment[], checkpoint: string): void {
  const later = all.find(({ head }) => head !== null)
  if (later !== undefined)
    throw corrupt(
      checkpoint,
      0,
      0,
      `it is missing, and so is the beginning of the log: ${later.file.path} is a later part`,
    )
  for (const { file, isBlank } of all) {
    if (isBlank) continue
    // The first head is durable before the first frame behind it is written.
    for (const { header, offset } of new FrameReader(file).search(0))
      if (header.kind === KINDS.entries) throw corrupt(file.path, 0, offset, 'its head does not match its checksum')
  }
}

/** The frame behind the cursor, if it is there. */
function expected(reader: FrameReader, { segment, offset, sequence }: Cursor): FoundFrame | null {
  const frame = reader.at(offset)
  if (frame === null || frame.header.kind !== KINDS.entries) return null
  const { incarnation } = segment.head!.header
  if (frame.header.incarnation !== incarnation || frame.header.sequence !== sequence + 1) return null
  refuseNewer(frame, segment.file.path)
  return frame
}

/** The segment in which the log goes on. One that lost all its frames would follow itself, so none is entered twice. */
function follower(
  all: readonly FoundSegment[],
  { segment, sequence }: Cursor,
  passed: ReplayEnd['passed'],
): FoundSegment | undefined {
  const { incarnation } = segment.head!.header
  return all.find((other) => {
    if (other.head === null || passed.some((one) => one.segment === other)) return false
    const { previous, header } = other.head
    return previous?.incarnation === incarnation && previous.sequence === sequence && header.sequence === sequence + 1
  })
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

/** The log has gone on in another segment, and that one is not here or not what it was. */
function lostFollower(all: readonly FoundSegment[], { segment, sequence }: Cursor, left: FoundFrame): PosthornError {
  const { segment: number } = parseLeft(left.bytes.subarray(left.from, left.end))
  const { syncedTo } = left.header
  const next = all.find((each) => each.number === number)
  const whole = next === undefined ? null : (new FrameReader(next.file).search(ALIGNMENT).next().value ?? null)
  return corrupt(
    next?.file.path ?? join(dirname(segment.file.path), segmentName(number)),
    0,
    whole?.offset ?? next?.sizeBytes ?? 0,
    next === undefined
      ? 'it is missing, and the log goes on in it'
      : 'the log goes on in it, and its head is not what it was',
    { sequence: sequence + 1, promised: syncedTo },
  )
}

/**
 * Looks at everything that may lie behind the end. A frame there says to which frame the log was durable when it was written; frames
 * left over from a tail that was cut earlier say less than where it was cut, so they need not be told apart.
 */
function judgeEnd(all: readonly FoundSegment[], end: Cursor, syncedTo: number): void {
  let promised = syncedTo
  let nextWhole: { readonly file: string; readonly offset: number } | null = null
  for (const segment of all) {
    const isEnd = segment === end.segment
    if (segment.isBlank || (!isEnd && segment.head !== null && segment.head.header.sequence <= end.sequence)) continue
    for (const { header, offset } of new FrameReader(segment.file).search(isEnd ? end.offset : 0)) {
      promised = Math.max(promised, header.syncedTo)
      if (header.sequence <= end.sequence) continue
      if (isEnd && header.incarnation === segment.head!.header.incarnation)
        nextWhole ??= { file: segment.file.path, offset }
      if (segment.head === null && header.incarnation >= end.segment.head!.header.incarnation)
        nextWhole ??= { file: segment.file.path, offset }
    }
  }
  if (promised <= end.sequence) return
  const lost = { sequence: end.sequence + 1, promised }
  if (nextWhole === null)
    throw corrupt(end.segment.file.path, end.offset, end.segment.sizeBytes, 'or the segment behind it is missing', lost)
  if (nextWhole.file === end.segment.file.path)
    throw corrupt(nextWhole.file, end.offset, nextWhole.offset, 'a frame does not match its checksum', lost)
  throw corrupt(nextWhole.file, 0, nextWhole.offset, 'its head does not match its checksum', lost)
}

function corrupt(
  file: string,
  from: number,
  until: number,
  why: string,
  lost: Readonly<Record<string, number>> = {},
): PosthornError {
  return new PosthornError(
    'corrupt',
    `${file} is damaged between bytes ${from} and ${until} (${why}): what was confirmed is not there, so it is not opened`,
    { details: { file, from, until, ...lost } },
  )
}
