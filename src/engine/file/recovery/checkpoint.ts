/**
 * The state as a file, so that an open need not read the whole log. It is fuzzy: its parts are copied one after another while
 * commits go on, each with the number of the frame up to which it is right, and the replay of what came later makes it exact.
 */
import { join } from 'node:path'
import type { Checkpointed } from '../../ledger/store.ts'
import type { LogBlocks } from '../block/blocks.ts'
import { isDiskError, type Disk, type DiskFile } from '../disk/disk.ts'
import { FORMAT, KINDS, bytesOf, makeFrame, type FrameKind } from '../log/frame.ts'
import type { Log } from '../log/log.ts'
import type { Shelf } from '../log/shelf.ts'

/** Where the replay begins: the place behind the frame that was closed when the checkpoint began. */
export interface CheckpointFrom {
  readonly segment: number
  readonly incarnation: number
  readonly first: number
  readonly offset: number
  readonly sequence: number
}

export interface CheckpointHead {
  readonly posthorn: 'checkpoint'
  readonly format: number
  readonly from: CheckpointFrom
}

/** The last frame: without it a checkpoint is not whole. */
export interface CheckpointEnd {
  readonly parts: number
  /** Segments with content that is needed, so that one from a backup is not taken for them. */
  readonly segments: readonly {
    readonly segment: number
    readonly incarnation: number
    readonly first: number
    readonly last: number
  }[]
}

/** Whose part a chunk is; its payload is this byte, the length of the name, the name and the bytes. */
export const OWNER = { blocks: 0, state: 1 } as const

export const CHECKPOINT = 'checkpoint'
export const UNFINISHED = 'checkpoint.new'

const SYNC_BYTES = 1 << 20

export interface CheckpointDeps {
  readonly disk: Disk
  readonly folder: string
  readonly log: Log
  readonly blocks: LogBlocks
  readonly state: Checkpointed
  readonly shelf: Shelf
  /** Closes the open frame. */
  readonly write: () => void
  /** Resolves when the frame is durable. */
  readonly durable: (frame: number) => Promise<void>
  /** Between two parts: lets others run, and lets the disk rest. */
  readonly pause: () => Promise<void>
}

export interface Checkpoint {
  readonly from: CheckpointFrom
  readonly bytes: number
}

/** Writes a checkpoint and puts it in the place of the one before. Rejects where that failed: then the one before still holds. */
export async function writeCheckpoint(deps: CheckpointDeps): Promise<Checkpoint> {
  const { disk, folder, log, write } = deps
  write()
  const { number, incarnation, first, endBytes } = log.current
  const from = { segment: number, incarnation, first, offset: endBytes, sequence: log.written }
  const path = join(folder, UNFINISHED)
  removeIfThere(disk, path)
  const out = new CheckpointFile(disk, disk.open(path, 'create'), log)
  try {
    await out.add(KINDS.head, toBytes({ posthorn: 'checkpoint', format: FORMAT, from } satisfies CheckpointHead))
    const parts = await copyParts(deps, out)
    await out.add(KINDS.end, toBytes({ parts, segments: segmentsOf(deps.shelf) } satisfies CheckpointEnd))
    await disk.syncInBackground(out.file)
  } finally {
    out.file.close()
  }
  // Its parts may hold decisions that are not durable yet: they must not come back without the frames that took them.
  await deps.durable(log.written)
  await disk.renameSoon(path, join(folder, CHECKPOINT))
  await disk.sync([], folder)
  return { from, bytes: out.bytes }
}

export function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.remove(path)
  } catch (error) {
    if (!isDiskError(error, 'ENOENT')) throw error
  }
}

async function copyParts(deps: CheckpointDeps, out: CheckpointFile): Promise<number> {
  const { blocks, state, write, pause } = deps
  let parts = 0
  const copy = async (owner: number, name: string, take: () => Uint8Array | null): Promise<void> => {
    // What the open frame decided is in the state already: it is closed first, so that its number covers the copy.
    write()
    const bytes = take()
    if (bytes === null) return
    await out.addPart(owner, name, bytes)
    parts++
    await out.settle()
    await pause()
  }
  for (let chunk = 0; chunk < blocks.table.chunks; chunk++)
    await copy(OWNER.blocks, String(chunk), () => blocks.table.copy(chunk))
  for (const part of state.parts()) await copy(OWNER.state, part, () => state.copy(part))
  return parts
}

function segmentsOf(shelf: Shelf): CheckpointEnd['segments'] {
  return [...shelf.used.values()].map(({ number, incarnation, first, last }) => ({
    segment: number,
    incarnation,
    first,
    last,
  }))
}

class CheckpointFile {
  readonly file: DiskFile
  bytes = 0
  readonly #disk: Disk
  readonly #log: Log
  #unsynced = 0

  constructor(disk: Disk, file: DiskFile, log: Log) {
    this.#disk = disk
    this.file = file
    this.#log = log
  }

  async add(kind: FrameKind, ...payload: readonly Uint8Array[]): Promise<void> {
    const { incarnation, written, synced } = this.#log
    const frame = makeFrame(
      { kind, incarnation, sequence: written, syncedTo: synced, ...this.#log.times() },
      ...payload,
    )
    await this.file.writeSoon(frame, this.bytes)
    this.bytes += bytesOf(frame)
    this.#unsynced += bytesOf(frame)
  }

  addPart(owner: number, name: string, bytes: Uint8Array): Promise<void> {
    const label = new TextEncoder().encode(name)
    return this.add(KINDS.chunk, new Uint8Array([owner, label.byteLength]), label, bytes)
  }

  /** A little at a time, so that the disk never has much to do at once. */
  async settle(): Promise<void> {
    if (this.#unsynced < SYNC_BYTES) return
    this.#unsynced = 0
    await this.#disk.syncInBackground(this.file)
  }
}

function toBytes(value: CheckpointHead | CheckpointEnd): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value))
}
