/** Reads a checkpoint back, and checks that the segments it counts on are the ones that are there. */
import { join } from 'node:path'
import { PosthornError } from '../../../core/error.ts'
import type { Checkpointed } from '../../ledger/store.ts'
import type { LogBlocks } from '../block/blocks.ts'
import { CHECKPOINT, OWNER, type CheckpointEnd, type CheckpointFrom, type CheckpointHead } from './checkpoint.ts'
import { isDiskError, type Disk, type DiskFile } from '../disk/disk.ts'
import { KINDS, type StoredHeader } from '../log/frame.ts'
import { FrameReader, type FoundFrame } from '../log/frame-reader.ts'
import type { ReplayFrom } from './replay.ts'
import { segmentName } from '../log/segment.ts'
import { refuseNewer, type FoundSegment } from './survey.ts'

export interface LoadedCheckpoint {
  readonly from: CheckpointFrom
  readonly replayFrom: ReplayFrom
  readonly bytes: number
  /** Of its last frame: when it was written, and by which opening. */
  readonly header: StoredHeader
  /** Segments before the replay with content that may be needed, by number: the last frame of each. */
  readonly segments: ReadonlyMap<number, number>
}

export interface LoadDeps {
  readonly disk: Disk
  readonly folder: string
  readonly blocks: Pick<LogBlocks, 'table'>
  readonly state: Pick<Checkpointed, 'load'>
}

/** null where there is none. @throws PosthornError `corrupt` or `newer-format` */
export function loadCheckpoint(deps: LoadDeps, found: readonly FoundSegment[]): LoadedCheckpoint | null {
  const { disk, folder } = deps
  const file = openIfThere(disk, join(folder, CHECKPOINT))
  if (file === null) return null
  try {
    return readCheckpoint(file, deps, found)
  } finally {
    file.close()
  }
}

/** @throws PosthornError `corrupt` or `newer-format` */
export function readCheckpoint(
  file: DiskFile,
  { folder, blocks, state }: LoadDeps,
  found: readonly FoundSegment[],
): LoadedCheckpoint {
  const reader = new FrameReader(file)
  const first = whole(reader, 0)
  const { from } = parse(first, KINDS.head, file.path) as CheckpointHead
  let frame = whole(reader, first.next)
  for (; frame.header.kind === KINDS.chunk; frame = whole(reader, frame.next)) loadPart(frame, blocks, state, file.path)
  const { segments } = parse(frame, KINDS.end, file.path) as CheckpointEnd
  const replayFrom = { segment: segmentOf(found, from, folder), offset: from.offset, sequence: from.sequence }
  return { from, replayFrom, bytes: frame.next, header: frame.header, segments: checkSegments(found, segments) }
}

function openIfThere(disk: Disk, path: string): DiskFile | null {
  try {
    return disk.open(path, 'reading')
  } catch (error) {
    if (isDiskError(error, 'ENOENT')) return null
    throw error
  }
}

/** A checkpoint was complete and durable before it got its name: every frame of it that is not whole is damage. */
function whole(reader: FrameReader, offset: number): FoundFrame {
  const frame = reader.at(offset)
  if (frame === null) throw damaged(reader.file.path, offset, reader.sizeBytes, 'a frame does not match its checksum')
  refuseNewer(frame, reader.file.path)
  return frame
}

function parse(frame: FoundFrame, kind: number, path: string): unknown {
  if (frame.header.kind !== kind)
    throw damaged(
      path,
      frame.offset,
      frame.next,
      `a frame of kind ${frame.header.kind} stands where one of kind ${kind} should be`,
    )
  return JSON.parse(frame.bytes.toString('utf8', frame.from, frame.end))
}

function loadPart(frame: FoundFrame, blocks: LoadDeps['blocks'], state: LoadDeps['state'], path: string): void {
  const { bytes, from, end, header } = frame
  const nameEnd = from + 2 + bytes[from + 1]!
  const name = bytes.toString('utf8', from + 2, nameEnd)
  const part = bytes.subarray(nameEnd, end)
  try {
    // A block that is placed again by the replay of a frame that this holds is placed where it was.
    if (bytes[from] === OWNER.blocks) blocks.table.load(Number(name), part)
    else state.load(name, header.sequence, part)
  } catch (error) {
    throw damaged(path, frame.offset, frame.next, `part ${name} makes no sense`, error)
  }
}

/** The segment in which the replay begins. */
function segmentOf(found: readonly FoundSegment[], from: CheckpointFrom, folder: string): FoundSegment {
  const segment = found.find(({ number }) => number === from.segment)
  if (segment !== undefined && isSame(segment, from)) return segment
  throw damaged(
    segment?.file.path ?? join(folder, segmentName(from.segment)),
    0,
    segment?.sizeBytes ?? 0,
    `the checkpoint goes on in segment ${from.segment}, which ${segment === undefined ? 'is missing' : 'is another one now'}`,
  )
}

function checkSegments(found: readonly FoundSegment[], listed: CheckpointEnd['segments']): Map<number, number> {
  const last = new Map<number, number>()
  for (const entry of listed) {
    const segment = found.find(({ number }) => number === entry.segment)
    // Used again since: then nothing in it was needed any more. Where something is, the ledger will ask for it and be told.
    if (segment !== undefined && isSame(segment, entry)) last.set(entry.segment, entry.last)
  }
  return last
}

function isSame(
  { head }: FoundSegment,
  { incarnation, first }: { readonly incarnation: number; readonly first: number },
): boolean {
  return head !== null && head.header.incarnation === incarnation && head.header.sequence === first
}

function damaged(file: string, from: number, until: number, why: string, cause?: unknown): PosthornError {
  return new PosthornError('corrupt', `${file} is damaged between bytes ${from} and ${until}: ${why}`, {
    details: { file, from, until },
    cause,
  })
}
