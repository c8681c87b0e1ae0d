/**
 * What comes next at the end of the log where one bit of it has turned. It counts only where nothing says that it was durable: else it would
 * look like a torn tail and be cut, though somebody may have been told of it; elsewhere whoever opens the log is to know of the damage.
 */
import { FORMAT, KINDS } from '../log/frame.ts'
import { FrameReader, type FoundFrame } from '../log/frame-reader.ts'
import { mendFrame } from '../log/mend.ts'
import { parseHead, type SegmentHead } from '../log/segment.ts'
import { follower, follows, type Cursor } from './cursor.ts'
import { makesSense } from './sense.ts'
import { HEAD_BYTES, type FoundSegment } from './survey.ts'
import { promisedBehind } from './verdict.ts'

/** The frame behind the cursor. */
export function mendedFrame(
  all: readonly FoundSegment[],
  reader: FrameReader,
  cursor: Cursor,
  syncedTo: number,
): FoundFrame | null {
  const frame = mendFrame(reader, cursor.offset)
  if (frame === null || !follows(frame, cursor) || frame.header.format > FORMAT || !makesSense(frame)) return null
  return promisedBehind(all, cursor, syncedTo).promised > cursor.sequence ? null : frame
}

/** The segment in which the log goes on. */
export function mendedFollower(
  all: readonly FoundSegment[],
  cursor: Cursor,
  syncedTo: number,
  onMended: (segment: FoundSegment, frame: FoundFrame) => void,
): FoundSegment | undefined {
  for (const segment of all) {
    if (segment.head !== null || segment.isBlank) continue
    const frame = mendFrame(new FrameReader(segment.file, HEAD_BYTES), 0)
    if (frame?.header.kind !== KINDS.head || frame.header.format > FORMAT) continue
    const head = headOf(frame)
    if (head?.segment !== segment.number) continue
    segment.head = { ...head, header: frame.header, endBytes: frame.next }
    const isNext =
      follower([segment], cursor, []) === segment && promisedBehind(all, cursor, syncedTo).promised <= cursor.sequence
    if (isNext) {
      onMended(segment, frame)
      return segment
    }
    segment.head = null
  }
  return undefined
}

/** null where it makes no sense: then more than one bit of it was wrong. */
function headOf(frame: FoundFrame): SegmentHead | null {
  try {
    return parseHead(frame.bytes.subarray(frame.from, frame.end))
  } catch {
    return null
  }
}
