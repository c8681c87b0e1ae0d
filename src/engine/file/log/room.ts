/** How much room a disk has, for those who must not fail because it does not say. */
import type { Disk } from '../disk/disk.ts'

/** Infinity where the disk does not tell: who cannot be asked is not believed to be full. */
export function roomOn(disk: Pick<Disk, 'freeBytes'>, folder: string): number {
  try {
    return disk.freeBytes(folder)
  } catch {
    return Infinity
  }
}
