/**
 * A folder from a backup. It is an engine of its own: no token that the one it was made from ever gave is taken there, so that two that
 * come from one are never mistaken for each other.
 */
import { join, resolve } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { PosthornError } from '../../../core/error.ts'
import type { DiskFile, Disk } from '../disk/disk.ts'
import { NodeDisk } from '../disk/node-disk.ts'
import { openFileEngine } from '../engine.ts'
import type { BackupReport, CopyOptions } from './backup.ts'
import { beginCopy, copyFile, finishCopy, readManifest, type BackedUp } from './manifest.ts'

/**
 * @param from a backup @param to a folder that is new or empty
 * @throws PosthornError `invalid` where the backup is unfinished or none, `corrupt` where a file is not what was backed up, `disk-full`
 */
export async function restoreFolder(from: string, to: string, options: CopyOptions = {}): Promise<BackupReport> {
  const disk = options.disk ?? new NodeDisk()
  const [source, target] = [resolve(from), resolve(to)]
  try {
    const { files, sequence } = readManifest(disk, source)
    await beginCopy(disk, target, 'restore')
    const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0)
    let doneBytes = 0
    for (const file of files) {
      await restoreFile(disk, source, target, file, (bytes) => options.onProgress?.((doneBytes += bytes), totalBytes))
    }
    await renew(disk, target, options)
    await finishCopy(disk, target)
    return { folder: target, files: files.length, bytes: totalBytes, sequence }
  } finally {
    if (options.disk === undefined) await disk.close()
  }
}

/** Opens a copy for the first time: leases lapse, and tokens are of an era that no other has. Also the proof that it opens. */
export async function renew(disk: Disk, folder: string, { clock = systemClock }: CopyOptions): Promise<void> {
  const engine = await openFileEngine(folder, { disk, clock, isCopy: true })
  await engine.close()
}

async function restoreFile(
  disk: Disk,
  source: string,
  target: string,
  { name, bytes, crc32 }: BackedUp,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const path = join(source, name)
  const file: DiskFile = disk.open(path, 'reading')
  try {
    const copied = await copyFile(disk, file, join(target, name), { bytes, filledBytes: 0 }, onBytes)
    if (copied.bytes === bytes && copied.crc32 === crc32) return
    throw new PosthornError(
      'corrupt',
      `${path} is not what was backed up: its checksum is wrong, or its length (${copied.bytes} of ${bytes} bytes)`,
      { details: { file: path, from: 0, until: bytes } },
    )
  } finally {
    file.close()
  }
}
