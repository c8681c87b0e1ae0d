// Segments filled ahead of need: what fails there is nobody's business, and leaves nothing behind.
import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskError, DiskFile } from '../disk/disk.ts'
import { FaultDisk } from '../disk/fault-disk.ts'
import { SHELF_LIMITS, Shelf } from './shelf.ts'

const FOLDER = '/shelf'

test('a segment that cannot be filled is let go, and one for which there is no room is removed', async () => {
  for (const code of ['EIO', 'ENOSPC'] as const) {
    const disk = new FaultDisk()
    disk.makeFolder(FOLDER)
    const opened: DiskFile[] = []
    let closed = 0
    const open = disk.open.bind(disk)
    disk.open = (path, mode) => {
      const file = open(path, mode)
      opened.push(file)
      return {
        ...file,
        writeSoon: () => Promise.reject(Object.assign(new Error(code), { code }) satisfies DiskError),
        close: () => {
          closed++
          file.close()
        },
      }
    }
    // Nor does it matter that it cannot be removed either.
    disk.remove = () => {
      throw new Error('no')
    }
    const shelf = new Shelf(disk, FOLDER, {
      ...SHELF_LIMITS,
      firstSegmentBytes: 4096,
      segmentBytes: 4096,
      reserveBytes: 0,
    })
    const current = shelf.take()
    current.endBytes = 4096
    shelf.grown(4096, current)
    shelf.idle()
    equal(opened.length, 2)
    await new Promise((resolve) => setImmediate(resolve))
    equal(closed, 1, code)
    await shelf.close()
    deepEqual({ closed, opened: opened.length }, { closed: 2, opened: 2 })
  }
})
