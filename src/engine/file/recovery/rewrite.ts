/**
 * Writes anew what was found at the end of the log and is not known to be durable. Where a sync failed in an earlier life, the system may
 * show what it could not write and call it written: a sync alone would then make nothing durable.
 */
import type { DiskFile } from '../disk/disk.ts'

/** Bytes of a file. */
export interface Stretch {
  readonly file: DiskFile
  readonly from: number
  readonly until: number
}

const PIECE_BYTES = 1 << 20

/** The same bytes at the same place: power may go at any moment. */
export function rewrite({ file, from, until }: Stretch): void {
  const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, until - from))
  for (let at = from; at < until;) {
    const count = file.read(piece.subarray(0, Math.min(piece.byteLength, until - at)), at)
    if (count === 0) return
    file.write([piece.subarray(0, count)], at)
    at += count
  }
}
