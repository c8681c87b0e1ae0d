/**
 * As much of a state as a damaged folder gives: the parts of the checkpoint that are whole, and every frame of the log that is. What
 * makes no sense without what is gone is left out and counted.
 */
import { join } from 'node:path'
import type { Entries } from '../../ledger/entries.ts'
import { Snapshot } from '../../ledger/snapshot/snapshot.ts'
import { LedgerState } from '../../ledger/state/state.ts'
import { BlockTable } from '../block/block-table.ts'
import { EntryReader, decodeEntries } from '../codec/decode.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { HEADER_BYTES, KINDS, type StoredHeader } from '../log/frame.ts'
import { FrameReader } from '../log/frame-reader.ts'
import { CHECKPOINT, OWNER, type CheckpointHead } from '../recovery/checkpoint.ts'
import { refuseNewer, surveySegments, type FoundSegment } from '../recovery/survey.ts'
import { BLOCK_PREFIX_BYTES } from '../codec/entry.ts'
import { Owners } from './owners.ts'
import { findFrames } from './found-frames.ts'
import type { Loss } from './loss.ts'

export interface Salvage {
  readonly state: LedgerState
  readonly snapshot: Snapshot
  readonly table: BlockTable
  readonly segments: readonly FoundSegment[]
  readonly owners: Owners
  /** When the last thing that was found happened; null where nothing was. */
  readonly lastMs: { readonly engine: number; readonly wall: number } | null
  readonly close: () => void
}

interface Loaded {
  readonly from: number
  readonly promised: number
  readonly header: StoredHeader | null
  /** The counters of the checkpoint, and the frame at which they were copied; null where they are gone. */
  readonly counters: { readonly frame: number; readonly version: number; readonly position: number } | null
}

/** Reads a folder and changes nothing in it. */
export function salvage(disk: Disk, folder: string, loss: Loss): Salvage {
  const state = new LedgerState()
  const parts = { state, snapshot: new Snapshot(state), table: new BlockTable(), owners: new Owners() }
  const segments = surveySegments(disk, folder, 'reading', (file) =>
    loss.ranges.push({ file: file.path, from: 0, until: file.size(), what: 'a copy of another segment' }),
  )
  const close = (): void => segments.forEach(({ file }) => file.close())
  try {
    const loaded = loadParts(disk, folder, parts, loss)
    const { frames, promised } = findFrames(segments, loaded.from, loaded.promised, loss)
    let last = loaded.from
    let before: StoredHeader | null = loaded.header
    const readers = new Map<FoundSegment, FrameReader>()
    for (const { segment, offset, header } of frames) {
      if (header.sequence !== last + 1) {
        lose(loss, last + 1, header.sequence - 1, before, header)
        doubt(parts.owners, loaded, last)
      }
      const reader = readers.get(segment) ?? new FrameReader(segment.file)
      readers.set(segment, reader)
      replay(reader, offset, segment, { ...parts, segments }, loss)
      last = header.sequence
      before = header
    }
    if (promised > last) {
      lose(loss, last + 1, promised, before, null)
      doubt(parts.owners, loaded, last)
    }
    const lastMs = before === null ? null : { engine: before.engineMs, wall: before.wallMs }
    return { ...parts, segments, lastMs, close }
  } catch (error) {
    close()
    throw error
  }
}

/** The counters of the checkpoint tell what was given before, where they are of before. */
function doubt(owners: Owners, { counters }: Loaded, last: number): void {
  if (counters !== null && counters.frame <= last) owners.begin(counters)
  owners.doubt()
}

function lose(loss: Loss, first: number, last: number, before: StoredHeader | null, next: StoredHeader | null): void {
  const at = (header: StoredHeader | null): string | null =>
    header === null ? null : new Date(header.wallMs).toISOString()
  loss.frames.push({ first, last, after: at(before), before: at(next) })
}

/** Every part of the checkpoint that is whole. */
function loadParts(
  disk: Disk,
  folder: string,
  { state, snapshot, table }: Pick<Salvage, 'state' | 'snapshot' | 'table'>,
  loss: Loss,
): Loaded {
  const none = { from: 0, promised: 0, header: null, counters: null }
  if (!disk.list(folder).includes(CHECKPOINT)) return none
  const file: DiskFile = disk.open(join(folder, CHECKPOINT), 'reading')
  try {
    const reader = new FrameReader(file)
    const damaged = (from: number, until: number, what: string): void => {
      loss.ranges.push({ file: file.path, from, until, what })
    }
    let from: number | null = null
    let header: StoredHeader | null = null
    let expectedAt = 0
    let isEnded = false
    let counters: Loaded['counters'] = null
    for (const frame of reader.search(0)) {
      refuseNewer(frame, file.path)
      if (frame.offset > expectedAt) damaged(expectedAt, frame.offset, 'a part of the state')
      expectedAt = frame.next
      header = frame.header
      isEnded = frame.header.kind === KINDS.end
      if (frame.header.kind === KINDS.head) {
        const head = JSON.parse(frame.bytes.toString('utf8', frame.from, frame.end)) as Partial<CheckpointHead>
        if (head.from === undefined) {
          damaged(0, reader.sizeBytes, 'the state: it is a copy of another file')
          return none
        }
        from = head.from.sequence
      }
      if (frame.header.kind !== KINDS.chunk) continue
      const nameEnd = frame.from + 2 + frame.bytes[frame.from + 1]!
      const name = frame.bytes.toString('utf8', frame.from + 2, nameEnd)
      const bytes = frame.bytes.subarray(nameEnd, frame.end)
      try {
        if (frame.bytes[frame.from] === OWNER.blocks) table.load(Number(name), bytes)
        else snapshot.load(name, frame.header.sequence, bytes)
        if (name === 'counter')
          counters = { frame: frame.header.sequence, version: state.version, position: state.position }
      } catch {
        damaged(frame.offset, frame.next, `part ${name} of the state`)
      }
      // Parts know their frames: without the head, what the first part covers is where the log must go on at the latest.
      from ??= frame.header.sequence
    }
    if (header === null) {
      damaged(0, reader.sizeBytes, 'the state')
      return none
    }
    if (!isEnded) damaged(expectedAt, Math.max(expectedAt, reader.sizeBytes), 'parts of the state')
    return { from: from ?? header.sequence, promised: header.sequence, header, counters }
  } finally {
    file.close()
  }
}

function replay(
  reader: FrameReader,
  offset: number,
  { number, file }: FoundSegment,
  { snapshot, table, owners, segments }: Pick<Salvage, 'snapshot' | 'table' | 'owners' | 'segments'>,
  loss: Loss,
): void {
  const frame = reader.at(offset)!
  const base = offset + HEADER_BYTES - frame.from
  try {
    decodeEntries(
      new EntryReader(frame.bytes, frame.from, frame.end),
      owners.noting(lenient(snapshot.replay(frame.header.sequence), loss)),
      (block, at, lengthBytes) => {
        const checksum = frame.bytes.readUInt32LE(at + 4)
        if (owners.isUnsure && !isSame(table, segments, block, lengthBytes, checksum)) owners.givenAnew(block)
        table.place(block, number, base + at, lengthBytes)
      },
    )
  } catch {
    loss.ranges.push({ file: file.path, from: offset, until: frame.next, what: 'a frame that makes no sense' })
  }
}

/** Whether the block has this content already: then it was only moved. */
function isSame(
  table: BlockTable,
  segments: readonly FoundSegment[],
  block: number,
  lengthBytes: number,
  checksum: number,
): boolean {
  if (block >= table.size || table.segmentOf(block) === 0) return true
  if (table.lengthOf(block) !== lengthBytes) return false
  const segment = segments.find(({ number }) => number === table.segmentOf(block))
  const before = Buffer.alloc(BLOCK_PREFIX_BYTES)
  segment?.file.read(before, table.offsetOf(block))
  return before.readUInt32LE(4) === checksum
}

/** Entries that are given on where that makes sense. */
function lenient(to: Entries, loss: Loss): Entries {
  return new Proxy(to, {
    get(target, name) {
      const method = Reflect.get(target, name) as (...args: readonly unknown[]) => void
      return (...args: unknown[]): void => {
        try {
          method.apply(target, args)
        } catch {
          loss.decisions++
        }
      }
    },
  })
}
