/** Where a replay stands, and what comes next there: a frame, or another segment. */
import { KINDS } from '../log/frame.ts'
import type { FoundFrame } from '../log/frame-reader.ts'
import type { FoundSegment } from './survey.ts'

export interface Cursor {
  segment: FoundSegment
  offset: number
  sequence: number
}

/** Whether this is the frame that comes next. */
export function follows({ header }: FoundFrame, { segment, sequence }: Cursor): boolean {
  return (
    header.kind === KINDS.entries &&
    header.incarnation === segment.head!.header.incarnation &&
    header.sequence === sequence + 1
  )
}

/** The segment in which the log goes on. One that lost all its frames would follow itself, so none is entered twice. */
export function follower(
  all: readonly FoundSegment[],
  { segment, sequence }: Cursor,
  passed: readonly { readonly segment: FoundSegment }[],
): FoundSegment | undefined {
  const { incarnation } = segment.head!.header
  return all.find((other) => {
    if (other.head === null || passed.some((one) => one.segment === other)) return false
    const { previous, header } = other.head
    return previous?.incarnation === incarnation && previous.sequence === sequence && header.sequence === sequence + 1
  })
}
