// The real disk: its thread, its errors, and what it leaves running.
import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { NodeDisk } from './node-disk.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'posthorn-disk-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('writes, reads, syncs', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  file.write([Buffer.from('one '), Buffer.from('two')], 3)
  await disk.sync([file], path)
  await disk.syncInBackground(file)
  const bytes = Buffer.alloc(20)
  equal(file.read(bytes, 3), 7)
  equal(await file.readSoon(bytes, 7), 3)
  equal(file.size(), 10)
  equal(readFileSync(file.path, 'latin1'), '\0\0\0one two')
  throws(() => disk.open(file.path, 'create'), { code: 'EEXIST' })
  file.truncate(4)
  equal(file.size(), 4)
  file.close()
  disk.rename(file.path, join(path, 'other'))
  deepEqual(disk.list(path), ['other'])
  await disk.close()
})

test('syncs asked for at once are all answered', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const files = Array.from({ length: 100 }, (_, index) => disk.open(join(path, String(index)), 'create'))
  await Promise.all([disk.sync(files), disk.sync(files.slice(0, 3), path), disk.sync([])])
  for (const file of files) file.close()
  await disk.close()
})

test('a sync that waits for the place of one that fails does not fail with it', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const [file, closed] = [disk.open(join(path, 'file'), 'create'), disk.open(join(path, 'closed'), 'create')]
  await disk.sync([file])
  closed.close()
  const ends = await Promise.allSettled([disk.sync([closed]), disk.sync([file]), disk.sync([file])])
  deepEqual(
    ends.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  )
  file.close()
  await disk.close()
})

test('an error of a sync comes back with its code, and a closed disk refuses', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  // The thread is there first: its own descriptors must not get the number of the closed file.
  await disk.sync([file])
  file.close()
  await rejects(disk.sync([file]), { code: 'EBADF' })
  await disk.close()
  await rejects(disk.sync([]), /closed/)
})
