/**
 * What makes a folder a backup: a list of its files with their checksums, written last. Until then a file says that it is not finished, so
 * that half of one is never taken for a whole.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { PosthornError } from '../../../core/error.ts'
import { isDiskError, type Disk, type DiskFile } from '../disk/disk.ts'
import { FORMAT } from '../log/frame.ts'

export interface Manifest {
  readonly posthorn: 'backup'
  readonly format: number
  /** RFC 3339. */
  readonly at: string
  /** The last frame in it. */
  readonly sequence: number
  readonly files: readonly BackedUp[]
}

export interface BackedUp {
  readonly name: string
  readonly bytes: number
  readonly crc32: number
}

export const MANIFEST = 'backup.json'
/** In a folder that is being written by a backup, a restore or a repair. */
export const UNFINISHED_COPY = 'unfinished'

/** An empty folder to write to, marked as unfinished. @throws PosthornError `invalid` where there is something in it */
export async function beginCopy(disk: Disk, folder: string, what: string): Promise<void> {
  disk.makeFolder(folder)
  const there = disk.list(folder)
  if (there.length > 0)
    throw new PosthornError(
      'invalid',
      `${folder} holds ${there[0]} already: ${what} needs a folder that is new or empty`,
      {
        details: { folder },
      },
    )
  const file = writeText(disk, join(folder, UNFINISHED_COPY), `${what}\n`)
  // Before any other name: what is there after power loss must not look like an engine.
  await disk.sync([file], folder)
  file.close()
}

/** Everything in it is durable when this resolves, and only then does the folder count as whole. */
export async function finishCopy(disk: Disk, folder: string): Promise<void> {
  await disk.sync([], folder)
  disk.remove(join(folder, UNFINISHED_COPY))
  await disk.sync([], folder)
}

export async function writeManifest(disk: Disk, folder: string, manifest: Manifest): Promise<void> {
  const file = writeText(disk, join(folder, `${MANIFEST}.new`), `${JSON.stringify(manifest, null, 2)}\n`)
  await disk.syncInBackground(file)
  file.close()
  disk.rename(join(folder, `${MANIFEST}.new`), join(folder, MANIFEST))
}

/** @throws PosthornError `invalid` where the folder is no backup or not a finished one, `corrupt`, `newer-format` */
export function readManifest(disk: Disk, folder: string): Manifest {
  const names = namesIn(disk, folder)
  if (names.includes(UNFINISHED_COPY))
    throw new PosthornError('invalid', `${folder} is a backup that was never finished: take one that was`, {
      details: { folder },
    })
  if (!names.includes(MANIFEST))
    throw new PosthornError('invalid', `${folder} is no backup: there is no ${MANIFEST} in it`, { details: { folder } })
  const path = join(folder, MANIFEST)
  const file = disk.open(path, 'reading')
  try {
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    const manifest = JSON.parse(new TextDecoder().decode(bytes)) as Manifest
    if (manifest.format <= FORMAT) return manifest
    throw new PosthornError(
      'newer-format',
      `${path} has format ${manifest.format}; this version of Posthorn reads up to ${FORMAT}: restore it with a newer version`,
      { details: { file: path, format: manifest.format, supported: FORMAT } },
    )
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new PosthornError('corrupt', `${path} is damaged: ${error.message}`, {
      details: { file: path },
      cause: error,
    })
  } finally {
    file.close()
  }
}

/** @throws PosthornError `invalid` where there is no such folder */
export function namesIn(disk: Disk, folder: string): readonly string[] {
  try {
    return disk.list(folder)
  } catch (error) {
    if (!isDiskError(error, 'ENOENT', 'ENOTDIR')) throw error
    throw new PosthornError('invalid', `there is no folder ${folder}`, { details: { folder }, cause: error })
  }
}

/** Called with the bytes that were copied since the last call. */
export type OnBytes = (bytes: number) => void

const PIECE_BYTES = 1 << 20

/** The first bytes of a file into a new one, durably. Lets others run between two pieces. */
export async function copyFile(
  disk: Disk,
  from: DiskFile,
  path: string,
  sizes: { readonly bytes: number; readonly filledBytes: number },
  onBytes: OnBytes,
): Promise<{ readonly bytes: number; readonly crc32: number }> {
  const file = disk.open(path, 'create')
  try {
    let crc = 0
    let at = 0
    while (at < sizes.bytes) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizes.bytes - at))
      const count = await from.readSoon(piece, at)
      if (count === 0) break
      file.write([piece.subarray(0, count)], at)
      crc = crc32(piece.subarray(0, count), crc)
      at += count
      onBytes(count)
    }
    if (sizes.filledBytes > at) {
      file.truncate(sizes.filledBytes)
      crc = crcOfZeros(sizes.filledBytes - at, crc)
    }
    await disk.syncInBackground(file)
    return { bytes: Math.max(at, sizes.filledBytes), crc32: crc }
  } finally {
    file.close()
  }
}

function crcOfZeros(bytes: number, crc: number): number {
  const zeros = new Uint8Array(Math.min(bytes, PIECE_BYTES))
  for (let left = bytes; left > 0; left -= zeros.byteLength)
    crc = crc32(zeros.subarray(0, Math.min(left, zeros.byteLength)), crc)
  return crc
}

function writeText(disk: Disk, path: string, text: string): DiskFile {
  const file = disk.open(path, 'create')
  file.write([new TextEncoder().encode(text)], 0)
  return file
}
