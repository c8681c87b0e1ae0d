// The real disk: its thread, its errors, and what it leaves running.
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { on, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { NodeDisk } from './node-disk.ts'
import { AWAKE, DONE, FOLDER, NONE, REQUEST, STOP, WORDS, slotOf } from './sync-thread.ts'

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
  disk.open(file.path, 'create').close()
  await disk.renameSoon(join(path, 'other'), file.path)
  deepEqual(disk.list(path), ['file'])
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

test('an answer of which nobody was told is told a second later', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  await disk.sync([file])
  const never = { async: true as const, value: new Promise<never>(() => {}) }
  t.mock.method(Atomics, 'waitAsync').mock.mockImplementation(() => never)
  await disk.sync([file], path)
  file.close()
  await disk.close()
})

test('a thread that was not woken is woken again', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  await disk.sync([file])
  t.mock.method(Atomics, 'notify', () => 0, { times: 2 })
  await Promise.all([disk.sync([file], path), disk.sync([file])])
  file.close()
  await disk.close()
})

test('a thread that was not woken to end is woken again', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  const notify = t.mock.method(Atomics, 'notify')
  await disk.sync([file])
  const [words] = notify.mock.calls[0]!.arguments
  // One that does not sleep sees by itself that it is to end.
  while (Atomics.notify(words, REQUEST) === 0) await setImmediate()
  await disk.syncInBackground(file)
  notify.mock.mockImplementationOnce(() => 0)
  file.close()
  await disk.close()
})

test('a thread that is woken for nothing new says its last answers as messages', async () => {
  const words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT))
  const thread = new Worker(new URL('./sync-thread.ts', import.meta.url), { workerData: words, execArgv: [] })
  const wake = (request: number): void => {
    Atomics.store(words, REQUEST, request)
    Atomics.notify(words, REQUEST)
  }
  const answers = on(thread, 'message', { close: ['exit'] })
  const heard = async (): Promise<unknown> => (await answers.next()).value?.[0]
  for (const request of [1, 2, 3]) {
    words[slotOf(request) + FOLDER] = NONE
    const done = Atomics.waitAsync(words, DONE, request - 1)
    wake(request)
    await done.value
    equal(Atomics.load(words, DONE), request)
  }
  // It may not sleep yet: then nobody is woken.
  while (Atomics.notify(words, REQUEST) === 0) await setImmediate()
  deepEqual(
    [await heard(), await heard()],
    [
      { request: 2, failure: null },
      { request: 3, failure: null },
    ],
  )
  const exit = once(thread, 'exit')
  wake(STOP)
  await exit
})

test('who is alone and asks again at once looks for the answer itself, and is told of an error and all that comes after', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const [file, closed] = [disk.open(join(path, 'file'), 'create'), disk.open(join(path, 'closed'), 'create')]
  const told = t.mock.method(Atomics, 'waitAsync')
  // On a disk that takes long, or with one processor, the thread sleeps in between.
  for (let syncs = 0; syncs < 500; syncs++) await disk.sync([file], undefined, true)
  if (availableParallelism() > 1) ok(told.mock.callCount() < 500)
  await Promise.all([disk.sync([file], undefined, true), disk.sync([file]), disk.sync([file], path)])
  closed.close()
  const ends = await Promise.allSettled([closed, file, closed, file].map((each) => disk.sync([each], undefined, true)))
  deepEqual(
    ends.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'fulfilled'],
  )
  file.close()
  await disk.close()
})

test('a thread that is told to expect a request sleeps again where none comes, and misses none that does', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  const notify = t.mock.method(Atomics, 'notify')
  // Where there is no thread yet nobody is woken.
  disk.expectSync()
  equal(notify.mock.callCount(), 0)
  await disk.sync([file])
  const [words] = notify.mock.calls[0]!.arguments
  for (let expected = 0; expected < 20; expected++) {
    disk.expectSync()
    if (expected % 2 === 0) await disk.sync([file], path, true)
    while (Number(Atomics.load(words, AWAKE)) === 1) await setImmediate()
  }
  // With one processor nobody is woken early.
  if (availableParallelism() > 1) ok(notify.mock.callCount() > 11 + 10)
  await disk.sync([file])
  disk.expectSync()
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
