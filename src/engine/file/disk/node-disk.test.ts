// The real disk: its thread, its errors, and what it leaves running.
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { on, once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../../core/clock.ts'
import { NodeDisk } from './node-disk.ts'
import { AWAKE, DONE, EXPECTED, FOLDER, NONE, REQUEST, STOP, WORDS, slotOf } from './sync-thread.ts'

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'posthorn-disk-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function aThread(t: TestContext) {
  const words = new Int32Array(new SharedArrayBuffer(WORDS * Int32Array.BYTES_PER_ELEMENT))
  const thread = new Worker(new URL('./sync-thread.ts', import.meta.url), { workerData: words, execArgv: [] })
  t.after(() => thread.terminate())
  const wake = (request: number): void => {
    Atomics.store(words, REQUEST, request)
    Atomics.notify(words, REQUEST)
  }
  return { words, thread, wake }
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

test('a thread that is woken for nothing new says its last answers as messages', async (t) => {
  const { words, thread, wake } = aThread(t)
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

test('a thread that is asked again at once says that it is awake, until it sleeps', async (t) => {
  if (availableParallelism() === 1) return t.skip('needs a second processor')
  const { words, thread, wake } = aThread(t)
  let wasAwake = false
  // Who asks may be kept from it for a while: then the thread sleeps.
  for (let request = 1; request < 1_000 && !wasAwake; request++) {
    words[slotOf(request) + FOLDER] = NONE
    wake(request)
    while (Atomics.load(words, DONE) !== request);
    wasAwake = Atomics.load(words, AWAKE) === 1
  }
  ok(wasAwake)
  while (Atomics.load(words, AWAKE) === 1) await setImmediate()
  const exit = once(thread, 'exit')
  wake(STOP)
  await exit
})

test(
  'who is alone looks for the answer itself where the thread is awake, for a while, and only there',
  { timeout: 10_000 },
  async (t) => {
    const [disk, path] = [new NodeDisk(), folder(t)]
    const file = disk.open(join(path, 'file'), 'create')
    await disk.sync([file])
    const { load } = Atomics
    const stubs = new Map<number, number>()
    t.mock.method(Atomics, 'load', (words: Int32Array, at: number) => stubs.get(at) ?? load(words, at))
    const told = t.mock.method(Atomics, 'waitAsync')
    stubs.set(AWAKE, 0)
    await disk.sync([file], undefined, true)
    equal(told.mock.callCount(), 1)
    stubs.set(AWAKE, 1)
    // However long the disk takes.
    const now = t.mock.method(systemClock, 'monotonicMs', () => 0)
    for (let syncs = 0; syncs < 20; syncs++) await disk.sync([file], undefined, true)
    equal(told.mock.callCount(), 1)
    const answered = Promise.withResolvers<'ok'>()
    told.mock.mockImplementationOnce(() => ({ async: true, value: answered.promise }))
    stubs.set(DONE, 22)
    const synced = disk.sync([file], undefined, true)
    now.mock.restore()
    while (told.mock.callCount() === 1) await setImmediate()
    stubs.delete(DONE)
    answered.resolve('ok')
    await synced
    file.close()
    await disk.close()
  },
)

test('who is alone is told of an error and all that comes after', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const [file, closed] = [disk.open(join(path, 'file'), 'create'), disk.open(join(path, 'closed'), 'create')]
  for (let syncs = 0; syncs < 20; syncs++) await disk.sync([file], undefined, true)
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

test('an expectation ends with the request, so that the next wake for nothing new is heard', async (t) => {
  const [disk, path] = [new NodeDisk(), folder(t)]
  const file = disk.open(join(path, 'file'), 'create')
  const notify = t.mock.method(Atomics, 'notify')
  await disk.sync([file])
  const [words] = notify.mock.calls[0]!.arguments
  // As of a thread that was about to sleep, and is not woken before this is looked at.
  Atomics.store(words as unknown as Int32Array, EXPECTED, 1)
  notify.mock.mockImplementationOnce(() => 0)
  const synced = disk.sync([file])
  equal(Number(Atomics.load(words, EXPECTED)), 0)
  Atomics.notify(words, REQUEST)
  await synced
  file.close()
  await disk.close()
})

for (const isHeard of [true, false])
  test(`what is done when the disk is closed is told as done, and the process stays until the thread has ended: its answer ${isHeard ? 'arrives' : 'does not arrive'}`, async (t) => {
    const [disk, path] = [new NodeDisk(), folder(t)]
    const file = disk.open(join(path, 'file'), 'create')
    const notify = t.mock.method(Atomics, 'notify')
    await disk.sync([file])
    const [words] = notify.mock.calls[0]!.arguments
    const never = { async: true as const, value: new Promise<never>(() => {}) }
    if (!isHeard) t.mock.method(Atomics, 'waitAsync', () => never)
    const synced = disk.sync([file])
    while (Number(Atomics.load(words, DONE)) !== 2);
    const unref = t.mock.method(Worker.prototype, 'unref')
    const closed = disk.close()
    await synced
    await closed
    equal(unref.mock.callCount(), 0)
    file.close()
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
