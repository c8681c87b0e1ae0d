/**
 * Where the log ends, the question is whether this is its tail (nobody was told that more is durable: cut it) or damage (somebody was: stop,
 * and say exactly where).
 */
import { dirname, join } from 'node:path'
import { PosthornError } from '../../../core/error.ts'
import { ALIGNMENT, KINDS } from '../log/frame.ts'
import { FrameReader, type FoundFrame } from '../log/frame-reader.ts'
import { parseLeft, segmentName } from '../log/segment.ts'
import type { Cursor } from './cursor.ts'
import type { FoundSegment } from './survey.ts'

/** How far a log was followed. */
export interface Followed {
  readonly cursor: Readonly<Cursor>
  /** The highest frame that anything passed said to be durable. */
  readonly syncedTo: number
  readonly left: FoundFrame | null
}

/** Whether the log ends where it was followed to. @throws PosthornError `corrupt`; `promised` of its details is how far it was durable */
export function judge(all: readonly FoundSegment[], { cursor, syncedTo, left }: Followed): void {
  if (left !== null && left.header.syncedTo > cursor.sequence) throw lostFollower(all, cursor, left)
  judgeEnd(all, cursor, syncedTo)
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
  const { promised, nextWhole } = promisedBehind(all, end, syncedTo)
  if (promised <= end.sequence) return
  const lost = { sequence: end.sequence + 1, promised }
  if (nextWhole === null)
    throw corrupt(end.segment.file.path, end.offset, end.segment.sizeBytes, 'or the segment behind it is missing', lost)
  if (nextWhole.file === end.segment.file.path)
    throw corrupt(nextWhole.file, end.offset, nextWhole.offset, 'a frame does not match its checksum', lost)
  throw corrupt(nextWhole.file, 0, nextWhole.offset, 'its head does not match its checksum', lost)
}

export interface Behind {
  /** The last frame that anything says to have been durable. */
  readonly promised: number
  /** The first whole frame. */
  readonly nextWhole: { readonly file: string; readonly offset: number } | null
}

/** What everything that may lie behind the end says. */
export function promisedBehind(all: readonly FoundSegment[], end: Cursor, syncedTo: number): Behind {
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
  return { promised, nextWhole }
}

export function corrupt(
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
