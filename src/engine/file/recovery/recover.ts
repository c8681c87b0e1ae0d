/**
 * From a folder to a state: the checkpoint, if there is one, then the log behind it. Nothing in the log is changed before all of
 * it has been read and found right.
 */
import { join } from 'node:path'
import { PosthornError } from '../../../core/error.ts'
import { CHECKPOINT, UNFINISHED, removeIfThere } from './checkpoint.ts'
import type { Checkpointed } from '../../ledger/store.ts'
import type { LogBlocks } from '../block/blocks.ts'
import { loadCheckpoint, type LoadDeps, type LoadedCheckpoint } from './checkpoint-load.ts'
import { EntryReader, decodeEntries } from '../codec/decode.ts'
import type { DiskFile } from '../disk/disk.ts'
import { HEADER_BYTES } from '../log/frame.ts'
import type { FoundFrame } from '../log/frame-reader.ts'
import { replay, type Mended, type ReplayEnd } from './replay.ts'
import { blankSegment, type Origin, type Segment } from '../log/segment.ts'
import type { Shelf } from '../log/shelf.ts'
import type { Stretch } from './rewrite.ts'
import { surveySegments, type FoundSegment } from './survey.ts'
import type { UpkeepStart } from './upkeep.ts'
import { judgeEmpty } from './verdict.ts'

export interface RecoverDeps extends LoadDeps {
  readonly blocks: LogBlocks
  readonly state: Checkpointed
  readonly shelf: Shelf
}

export interface Recovered {
  /** Of this opening: higher than any in the folder. */
  readonly incarnation: number
  /** The last frame; null in a new folder. */
  readonly previous: Origin | null
  /** Number of the segment in which it is. */
  readonly segment: number | null
  /** When it was written. */
  readonly lastMs: { readonly engine: number; readonly wall: number } | null
  /** Files that may hold what is not durable yet, and where they do. */
  readonly files: readonly DiskFile[]
  readonly unsure: readonly Stretch[]
  readonly mended: readonly Mended[]
  readonly upkeep: UpkeepStart
}

interface Read {
  readonly found: readonly FoundSegment[]
  readonly checkpoint: LoadedCheckpoint | null
  readonly end: ReplayEnd | null
}

/** @throws PosthornError `corrupt` or `newer-format` */
export function recover(deps: RecoverDeps): Recovered {
  const { shelf, state } = deps
  const { found, checkpoint, end } = readAll(deps)
  const passed = new Map(end?.passed.map((one) => [one.segment.number, one]))
  for (const one of inOrderOfUse(found)) {
    const last = passed.get(one.number)?.last ?? checkpoint?.segments.get(one.number)
    shelf.adopt(toSegment(one, last ?? 0, passed.get(one.number)?.endBytes ?? one.sizeBytes), last !== undefined)
  }
  state.finish()
  const header = end?.header ?? checkpoint?.header ?? null
  return {
    incarnation:
      1 + Math.max(0, checkpoint?.header.incarnation ?? 0, ...found.map(({ head }) => head?.header.incarnation ?? 0)),
    previous: end?.last ?? null,
    segment: end?.passed.at(-1)?.segment.number ?? null,
    lastMs: header === null ? null : { engine: header.engineMs, wall: header.wallMs },
    files: end?.passed.map(({ segment }) => segment.file) ?? [],
    unsure: end?.unsure ?? [],
    mended: end?.mended ?? [],
    upkeep: { from: checkpoint?.from ?? null, checkpointBytes: checkpoint?.bytes ?? 0, replayedBytes: end?.bytes ?? 0 },
  }
}

/** Leaves no file open where it throws. */
function readAll(deps: RecoverDeps): Read {
  removeIfThere(deps.disk, join(deps.folder, UNFINISHED))
  const found = surveySegments(deps.disk, deps.folder)
  try {
    const checkpoint = loadCheckpoint(deps, found)
    return { found, checkpoint, end: replayLog(deps, found, checkpoint) }
  } catch (error) {
    for (const { file } of found) file.close()
    throw error
  }
}

function replayLog(
  { blocks, state, folder }: RecoverDeps,
  found: Read['found'],
  checkpoint: Read['checkpoint'],
): ReplayEnd | null {
  const apply = (frame: FoundFrame, { number, file }: FoundSegment): void => {
    const { sequence } = frame.header
    const base = frame.offset + HEADER_BYTES - frame.from
    try {
      decodeEntries(
        new EntryReader(frame.bytes, frame.from, frame.end),
        state.replay(sequence),
        (block, at, lengthBytes) => blocks.table.place(block, number, base + at, lengthBytes),
      )
    } catch (error) {
      throw new PosthornError(
        'corrupt',
        `${file.path} makes no sense between bytes ${frame.offset} and ${frame.next}, though its checksum is right`,
        {
          details: { file: file.path, from: frame.offset, until: frame.next },
          cause: error,
        },
      )
    }
  }
  if (checkpoint !== null) return replay(found, checkpoint.replayFrom, apply, checkpoint.header.sequence)
  const first = found.find(({ head }) => head !== null && head.previous === null)
  if (first !== undefined)
    return replay(
      found,
      { segment: first, offset: first.head!.endBytes, sequence: first.head!.header.sequence - 1 },
      apply,
    )
  judgeEmpty(found, join(folder, CHECKPOINT))
  return null
}

/** The one freed last comes last, as far as the heads tell. */
function inOrderOfUse(found: Read['found']): FoundSegment[] {
  return found.toSorted((left, right) => (left.head?.header.sequence ?? 0) - (right.head?.header.sequence ?? 0))
}

function toSegment({ number, file, sizeBytes, head }: FoundSegment, last: number, endBytes: number): Segment {
  return {
    ...blankSegment(number, file, sizeBytes),
    filledBytes: head?.filledBytes ?? 0,
    incarnation: head?.header.incarnation ?? 0,
    first: head?.header.sequence ?? 0,
    last,
    endBytes,
  }
}
