/**
 * A copy of a folder as it is at one moment, whether a process has it open or not: everything that was confirmed before it began is in
 * it. The owner goes on; a hold keeps what is read from being used again, and the log is read up to the frame that was its last.
 */
import { join, resolve } from 'node:path'
import { systemClock, type Clock } from '../../../core/clock.ts'
import { PosthornError, isPosthornError } from '../../../core/error.ts'
import { createIds } from '../../../core/id.ts'
import { BlockTable } from '../block/block-table.ts'
import { CHECKPOINT } from '../recovery/checkpoint.ts'
import { readCheckpoint } from '../recovery/checkpoint-load.ts'
import { follow } from '../recovery/replay.ts'
import { surveySegments, type FoundSegment } from '../recovery/survey.ts'
import { judge, judgeEmpty, type Followed } from '../recovery/verdict.ts'
import type { Disk, DiskFile } from '../disk/disk.ts'
import { NodeDisk } from '../disk/node-disk.ts'
import { FORMAT } from '../log/frame.ts'
import { segmentName } from '../log/segment.ts'
import { placeHold } from './hold.ts'
import {
  MANIFEST,
  UNFINISHED_COPY,
  beginCopy,
  namesIn,
  copyFile,
  finishCopy,
  writeManifest,
  type BackedUp,
} from './manifest.ts'

export interface CopyOptions {
  readonly disk?: Disk | undefined
  readonly clock?: Clock | undefined
  /** Bytes copied so far, of how many. */
  readonly onProgress?: ((doneBytes: number, totalBytes: number) => void) | undefined
}

export interface BackupReport {
  readonly folder: string
  readonly files: number
  readonly bytes: number
  /** The last frame of the log that is in it. */
  readonly sequence: number
}

/** A file and how much of it is copied. */
interface Wanted {
  readonly name: string
  readonly file: DiskFile
  readonly bytes: number
  /** What its head says that it has at least. */
  readonly filledBytes: number
  /** Checksum of its head; null for the checkpoint. */
  readonly head: number | null
  /** Whether the log goes through it; else it holds content only. */
  readonly isLog: boolean
}

interface Plan {
  readonly wanted: readonly Wanted[]
  readonly sequence: number
  /** Why the log may not end where it seems to. */
  readonly doubt: PosthornError | null
  readonly close: () => void
}

const ATTEMPTS = 5

/**
 * @param from the folder of an engine @param to a folder that is new or empty
 * @throws PosthornError `invalid`, `corrupt` where the folder is damaged
 */
export async function backupFolder(from: string, to: string, options: CopyOptions = {}): Promise<BackupReport> {
  const disk = options.disk ?? new NodeDisk()
  const clock = options.clock ?? systemClock
  const [source, target] = [resolve(from), resolve(to)]
  try {
    refuseOther(disk, source)
    using hold = placeHold(disk, source, createIds(clock).uuid())
    void hold
    await beginCopy(disk, target, 'backup')
    return await copyAll(disk, source, target, new Date(clock.wallMs()).toISOString(), options)
  } finally {
    if (options.disk === undefined) await disk.close()
  }
}

/** @throws PosthornError `invalid` where the folder is a backup itself or was never finished */
export function refuseOther(disk: Disk, folder: string): void {
  const names = namesIn(disk, folder)
  if (names.includes(MANIFEST) || names.includes(`${MANIFEST}.new`))
    throw new PosthornError('invalid', `${folder} is a backup: restore it to a folder of its own (posthorn restore)`, {
      details: { folder },
    })
  if (names.includes(UNFINISHED_COPY))
    throw new PosthornError(
      'invalid',
      `${folder} was being written by a backup, a restore or a repair that never ended: remove it and begin again`,
      { details: { folder } },
    )
}

async function copyAll(
  disk: Disk,
  source: string,
  target: string,
  at: string,
  { onProgress }: CopyOptions,
): Promise<BackupReport> {
  const plan = await planned(disk, source)
  try {
    const totalBytes = plan.wanted.reduce((sum, { bytes }) => sum + bytes, 0)
    let doneBytes = 0
    let files: BackedUp[] = []
    for (const { name, file, bytes: ofIt, filledBytes } of plan.wanted) {
      const sizes = { bytes: ofIt, filledBytes }
      const copied = await copyFile(disk, file, join(target, name), sizes, (bytes) =>
        onProgress?.((doneBytes += bytes), totalBytes),
      )
      files.push({ name, ...copied })
    }
    const again = usedAgain(disk, source, plan)
    for (const name of again) disk.remove(join(target, name))
    files = files.filter(({ name }) => !again.has(name))
    checkCopy(disk, target, plan.sequence)
    await writeManifest(disk, target, { posthorn: 'backup', format: FORMAT, at, sequence: plan.sequence, files })
    await finishCopy(disk, target)
    return { folder: target, files: files.length, bytes: totalBytes, sequence: plan.sequence }
  } finally {
    plan.close()
  }
}

/** Reads the copy as an open would. @throws PosthornError `corrupt` */
function checkCopy(disk: Disk, target: string, sequence: number): void {
  const copy = plan(disk, target)
  copy.close()
  if (copy.doubt !== null) throw copy.doubt
  if (copy.sequence !== sequence)
    throw new PosthornError('corrupt', `${target} ends at frame ${copy.sequence} and should at ${sequence}`, {
      details: { folder: target },
    })
}

/**
 * While the owner writes, the log may be seen to end before what it says of itself by now: the next look must find it longer than that.
 * One that does not is damaged. The owner may also give back segments in the moment in which the hold is placed.
 */
async function planned(disk: Disk, folder: string): Promise<Plan> {
  let promised = Infinity
  for (let attempt = 1; ; attempt++) {
    try {
      const found = plan(disk, folder)
      if (found.doubt === null || found.sequence >= promised) return found
      found.close()
      promised = Number(found.doubt.details['promised'])
      if (attempt === ATTEMPTS) throw found.doubt
    } catch (error) {
      if (attempt === ATTEMPTS || !isPosthornError(error) || error.code !== 'corrupt') throw error
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** null: the log ends where it seems to. */
function doubtOf(found: readonly FoundSegment[], followed: Followed): PosthornError | null {
  try {
    judge(found, followed)
    return null
  } catch (error) {
    if (isPosthornError(error) && error.code === 'corrupt') return error
    throw error
  }
}

/** What must be copied: the checkpoint, the segments that it counts on, and the log behind it up to its end as it is now. */
function plan(disk: Disk, folder: string): Plan {
  const opened: DiskFile[] = []
  try {
    const checkpointFile = disk.list(folder).includes(CHECKPOINT)
      ? disk.open(join(folder, CHECKPOINT), 'reading')
      : null
    if (checkpointFile !== null) opened.push(checkpointFile)
    const found = surveySegments(disk, folder, 'reading')
    opened.push(...found.map(({ file }) => file))
    const nowhere = { blocks: { table: new BlockTable() }, state: { load: () => {} } }
    const checkpoint =
      checkpointFile === null ? null : readCheckpoint(checkpointFile, { disk, folder, ...nowhere }, found)
    const first = found.find(({ head }) => head !== null && head.previous === null)
    if (checkpoint === null && first === undefined) judgeEmpty(found, join(folder, CHECKPOINT))
    const from =
      checkpoint?.replayFrom ??
      (first === undefined
        ? null
        : { segment: first, offset: first.head!.endBytes, sequence: first.head!.header.sequence - 1 })
    const followed = from === null ? null : follow(found, from, () => {}, checkpoint?.header.sequence ?? 0, true)
    const end = followed?.end ?? null
    const passed = new Map(end?.passed.map((one) => [one.segment.number, one.endBytes]))
    const segments = found.filter(({ number }) => passed.has(number) || checkpoint?.segments.has(number))
    const wanted = segments.map((segment) => wantedOf(segment, passed.get(segment.number)))
    if (checkpointFile !== null)
      wanted.unshift({
        name: CHECKPOINT,
        file: checkpointFile,
        bytes: checkpointFile.size(),
        filledBytes: 0,
        head: null,
        isLog: false,
      })
    return {
      wanted,
      sequence: end?.last.sequence ?? 0,
      doubt: followed === null ? null : doubtOf(found, followed),
      close: () => opened.forEach((file) => file.close()),
    }
  } catch (error) {
    for (const file of opened) file.close()
    throw error
  }
}

function wantedOf({ number, file, head, sizeBytes }: FoundSegment, endBytes: number | undefined): Wanted {
  return {
    name: segmentName(number),
    file,
    bytes: endBytes ?? sizeBytes,
    filledBytes: head!.filledBytes,
    head: head!.header.crc,
    isLog: endBytes !== undefined,
  }
}

/**
 * Segments that the owner gave back before it saw the hold, and used again since. Nothing in them was needed any more, but what is new in
 * them tells of a log that the copy does not have.
 * @throws PosthornError `conflict` where it is one of the log
 */
function usedAgain(disk: Disk, folder: string, { wanted }: Plan): ReadonlySet<string> {
  const now = surveySegments(disk, folder, 'reading')
  try {
    const heads = new Map(now.map(({ number, head }) => [segmentName(number), head?.header.crc]))
    const changed = wanted.filter(({ name, head }) => head !== null && heads.get(name) !== head)
    const lost = changed.find(({ isLog }) => isLog)
    if (lost !== undefined)
      throw new PosthornError('conflict', `${join(folder, lost.name)} was used again while it was copied: begin again`)
    return new Set(changed.map(({ name }) => name))
  } finally {
    for (const { file } of now) file.close()
  }
}
