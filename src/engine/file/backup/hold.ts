/**
 * A file in the folder by which another process asks the owner to use no segment again: what it reads must stay what it is. The hold of a
 * process that has died holds nothing.
 */
import { join } from 'node:path'
import { isDiskError, type Disk, type ProcessIdentity } from '../disk/disk.ts'

const PREFIX = 'hold.'

/** @param id a text that was never used before */
export function placeHold(disk: Disk, folder: string, id: string): Disposable {
  const path = join(folder, `${PREFIX}${id}`)
  const file = disk.open(path, 'create')
  file.write([new TextEncoder().encode(JSON.stringify(disk.processes.self))], 0)
  file.close()
  return { [Symbol.dispose]: () => removeIfThere(disk, path) }
}

/** Whether somebody reads the folder. Removes holds of those who have ended. */
export function isHeld(disk: Disk, folder: string): boolean {
  let held = false
  for (const name of disk.list(folder)) {
    if (!name.startsWith(PREFIX)) continue
    const path = join(folder, name)
    const holder = readHolder(disk, path)
    // One that cannot be read yet is just being placed.
    if (holder === null || disk.processes.isRunning(holder) !== false) held = true
    else removeIfThere(disk, path)
  }
  return held
}

/** At an open: one that cannot be read was torn by a power cut, and nobody is left to remove it. */
export function clearTornHolds(disk: Disk, folder: string): void {
  for (const name of disk.list(folder)) {
    const path = join(folder, name)
    if (name.startsWith(PREFIX) && readHolder(disk, path) === null) removeIfThere(disk, path)
  }
}

function readHolder(disk: Disk, path: string): ProcessIdentity | null {
  try {
    const file = disk.open(path, 'reading')
    try {
      const bytes = new Uint8Array(file.size())
      file.read(bytes, 0)
      return JSON.parse(new TextDecoder().decode(bytes)) as ProcessIdentity
    } finally {
      file.close()
    }
  } catch {
    return null
  }
}

function removeIfThere(disk: Disk, path: string): void {
  try {
    disk.remove(path)
  } catch (error) {
    if (!isDiskError(error, 'ENOENT')) throw error
  }
}
