// The file engine on a real disk that runs full: a small tmpfs in a namespace of its own, where this user may make one.

import { equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const PROGRAM = join(import.meta.dirname, 'small-disk.ts')
const SIZE_BYTES = 48 << 20

/** Runs a program with its folder on a disk of its own. */
function onSmallDisk(folder: string, command: string): string {
  const script = `mount -t tmpfs -o size=${SIZE_BYTES} posthorn-test "$1" && shift && ${command}`
  return execFileSync(
    'unshare',
    ['--map-root-user', '--mount', 'sh', '-c', script, 'sh', folder, process.execPath, PROGRAM, folder],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
}

test('a small disk, filled by the engine and then by others: refused in time, settled to the end, taken again', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-small-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  try {
    onSmallDisk(folder, 'true')
  } catch {
    return context.skip('tmpfs: this user may not mount one')
  }
  const found = JSON.parse(onSmallDisk(folder, '"$@"'))
  equal(found.failed, undefined, found.message)
  equal(found.first.code, 'disk-full')
  ok(found.first.count > 1_000, `${found.first.count} were taken`)
  ok(found.first.freeBytes > 2 << 20, 'refused before the disk was full')
  equal(found.full.freeBytes, 0)
  equal(found.full.acked, found.first.count, 'everything could be settled on the full disk')
  ok(found.second > 1_000, 'the room that came back was used')
  equal(found.waiting, found.second)
  equal(found.acked, found.second)
})
