// What the system tells: signals, the clock, memory and disks, files. Files are real ones, in a temporary folder.

import { deepEqual, equal, match, ok, rejects, throws } from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  appendFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import {
  diskUse,
  fileChanges,
  memoryUse,
  on,
  processSignals,
  timer,
  type FileChangesOptions,
} from '../../src/event/index.ts'
import { createTestLog, Gate, until } from './workbench.ts'

const { log } = createTestLog()

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-files-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** What is told of a path, as short texts, in order. */
async function follow(path: string, options: FileChangesOptions = {}) {
  const told: string[] = []
  const changes = fileChanges('files', path, { log, settle: '10ms', ...options })
  const listening = await on(changes, ({ type, data }) => told.push(`${type.slice(5)} ${data.path}`))
  return { told, listening, [Symbol.asyncDispose]: () => listening.stop() }
}

test('a signal is told, counted while listeners are behind, and heard no more afterwards', async () => {
  const signals = processSignals('reload', ['SIGHUP'], { log })
  const before = process.listenerCount('SIGHUP')
  const gate = new Gate()
  const seen: unknown[] = []
  const listening = await on(
    signals,
    async ({ type, data }) => {
      seen.push([type, data.signal, data.count])
      await gate.pass()
    },
    { limit: 1 },
  )
  equal(process.listenerCount('SIGHUP'), before + 1)
  process.kill(process.pid, 'SIGHUP')
  await until(() => seen.length === 1, 'the signal came')
  // One waits in the queue; the others are counted.
  for (let n = 0; n < 5; n++) process.emit('SIGHUP', 'SIGHUP')
  gate.open()
  await until(() => seen.length === 3, 'all are told')
  deepEqual(seen, [
    ['signal.received', 'SIGHUP', 1],
    ['signal.received', 'SIGHUP', 1],
    ['signal.received', 'SIGHUP', 4],
  ])
  await listening.stop()
  equal(process.listenerCount('SIGHUP'), before)
  throws(() => processSignals('a', ['SIGKILL']), /none of SIGKILL, SIGSTOP/)
  throws(() => processSignals('a', ['SIGNAL' as never]), /signals is "SIGNAL"/)
  throws(() => processSignals('a', []), /a list like/)
})

test('a timer ticks on multiples of its interval, and counts what was missed', async () => {
  const clock = new ManualClock()
  const gate = new Gate()
  const seen: unknown[] = []
  const ticks = timer('tick', { every: '1s', clock, log })
  await using _ = await on(
    ticks,
    async ({ data: { number, missed } }) => {
      seen.push([number, missed])
      if (number === 2) await gate.pass()
    },
    { limit: 1 },
  )
  const step = async (ms: number, told: number) => {
    clock.advance(ms)
    await until(() => seen.length === told && clock.nextTimerInMs() !== null, `${told} ticks`)
  }
  await step(999, 0)
  await step(1, 1)
  await step(1_000, 2)
  // The second is being handled: the third waits for it, the fourth for room, and none is set before that.
  clock.advance(1_000)
  await until(() => clock.nextTimerInMs() !== null, 'the third waits')
  clock.advance(1_000)
  await new Promise(setImmediate)
  equal(clock.nextTimerInMs(), null)
  clock.advance(2_500)
  gate.open()
  await until(() => seen.length === 4 && clock.nextTimerInMs() !== null, 'the fourth is told')
  equal(clock.nextTimerInMs(), 500)
  clock.advance(500)
  await until(() => seen.length === 5, 'the seventh is told')
  deepEqual(seen, [
    [1, 0],
    [2, 0],
    [3, 0],
    [4, 0],
    [7, 2],
  ])
  throws(() => timer('a', { every: '1 minute' as never }), /every is '1 minute': it must be a number with a unit/)
  throws(() => timer('a', { every: 1 }), /at least 10 ms/)
})

test('a threshold is told when it is passed and when it is over, and not while it hovers', async () => {
  const clock = new ManualClock()
  let used = 0
  let looks = 0
  const read = () => {
    looks++
    return { usedBytes: used, totalBytes: 100 }
  }
  const seen: unknown[] = []
  const memory = memoryUse('memory', { above: 0.8, below: 0.6, every: '5s', read, clock, log })
  await using _ = await on(memory, ({ type, data }) => seen.push([type, data.share]))
  const look = async (share: number) => {
    used = share
    const before = looks
    clock.advance(5_000)
    await until(() => looks > before && clock.nextTimerInMs() !== null, 'it was looked at')
  }
  for (const share of [79, 80, 79, 85, 61, 80, 60, 79, 95]) await look(share)
  await _.stop()
  deepEqual(seen, [
    ['memory.high', 0.8],
    ['memory.normal', 0.6],
    ['memory.high', 0.95],
  ])
  throws(() => memoryUse('m', { above: 90 }), /above is 90: it must be a share above 0, and 1 at most/)
  throws(() => memoryUse('m', { above: 0.5, below: 0.5 }), /below is 0.5/)
  throws(() => memoryUse('m', { every: '10ms' }), /at least 1000 ms/)
})

test('the memory and the disk of this machine can be read; what is high already is told at once', async (context) => {
  const folder = folderOf(context)
  const seen: unknown[] = []
  const low = { above: 1e-9, below: 0, log }
  await using one = await on(memoryUse('memory', low), ({ type, data }) => seen.push([type, data.totalBytes > 0]))
  await using two = await on(diskUse('disk', folder, low), ({ type, data }) => seen.push([type, data.path]))
  await Promise.all([one.stop(), two.stop()])
  deepEqual(seen, [
    ['memory.high', true],
    ['disk.high', folder],
  ])
  await rejects(
    on(diskUse('disk', join(folder, 'none'), { log }), () => {}),
    /ENOENT/,
  )
})

test('files are told as they are created, changed and removed; a rename is one of each', async (context) => {
  const folder = folderOf(context)
  writeFileSync(join(folder, 'old'), '1')
  await using files = await follow(folder)
  writeFileSync(join(folder, 'a'), '1')
  await until(() => files.told.length === 1, 'created')
  appendFileSync(join(folder, 'a'), '2')
  await until(() => files.told.length === 2, 'changed')
  renameSync(join(folder, 'a'), join(folder, 'b'))
  await until(() => files.told.length === 4, 'renamed')
  unlinkSync(join(folder, 'b'))
  await until(() => files.told.length === 5, 'removed')
  deepEqual(files.told, ['created a', 'changed a', 'removed a', 'created b', 'removed b'])
})

test('files that are there already are told if they are asked for, in order', async (context) => {
  const folder = folderOf(context)
  for (const name of ['b', 'a', 'c']) writeFileSync(join(folder, name), name)
  await using files = await follow(folder, { existing: true })
  await until(() => files.told.length === 3, 'all are told')
  deepEqual(files.told, ['created a', 'created b', 'created c'])
})

test("an editor's save is one change: its temporary files and its rename are not told", async (context) => {
  const folder = folderOf(context)
  writeFileSync(join(folder, 'note.txt'), 'old')
  await using files = await follow(folder, { settle: '50ms' })
  // As vim does: a probe, a swap file, a backup, the new file under the old name.
  writeFileSync(join(folder, '4913'), '')
  unlinkSync(join(folder, '4913'))
  writeFileSync(join(folder, '.note.txt.swp'), 'swap')
  renameSync(join(folder, 'note.txt'), join(folder, 'note.txt~'))
  writeFileSync(join(folder, 'note.txt'), 'new')
  unlinkSync(join(folder, 'note.txt~'))
  // As others do: written aside, and moved over it.
  writeFileSync(join(folder, 'note.txt.tmp'), 'newer')
  renameSync(join(folder, 'note.txt.tmp'), join(folder, 'note.txt'))
  await until(() => files.told.length > 0, 'it is told')
  writeFileSync(join(folder, 'end'), '')
  await until(() => files.told.includes('created end'), 'the end')
  deepEqual(files.told, ['changed note.txt', 'created end'])
})

test('one file is followed through renames over it, its removal and its return', async (context) => {
  const folder = folderOf(context)
  const path = join(folder, 'config.json')
  writeFileSync(path, '1')
  await using files = await follow(path)
  writeFileSync(join(folder, 'other'), '')
  writeFileSync(join(folder, 'next'), '22')
  renameSync(join(folder, 'next'), path)
  await until(() => files.told.length === 1, 'changed')
  unlinkSync(path)
  await until(() => files.told.length === 2, 'removed')
  writeFileSync(path, '333')
  await until(() => files.told.length === 3, 'created')
  deepEqual(files.told, ['changed config.json', 'removed config.json', 'created config.json'])
})

test('below: what is made in a new folder at once is told, what links elsewhere is not, and a folder that comes back is another', async (context) => {
  const folder = folderOf(context)
  await using files = await follow(folder, { recursive: true })
  mkdirSync(join(folder, 'x/y/z'), { recursive: true })
  writeFileSync(join(folder, 'x/y/z/deep'), '1')
  symlinkSync(tmpdir(), join(folder, 'link'))
  await until(() => files.told.includes('created x/y/z/deep'), 'deep')
  rmSync(join(folder, 'x/y'), { recursive: true })
  mkdirSync(join(folder, 'x/y'))
  await until(() => files.told.includes('removed x/y/z/deep'), 'gone')
  writeFileSync(join(folder, 'x/y/back'), '1')
  await until(() => files.told.includes('created x/y/back'), 'back')
  deepEqual(files.told, ['created x/y/z/deep', 'removed x/y/z/deep', 'created x/y/back'])
})

test('a folder that goes away is waited for: its files are removed, and told again when it is back', async (context) => {
  const folder = join(folderOf(context), 'in')
  mkdirSync(folder)
  writeFileSync(join(folder, 'a'), '1')
  const { log: kept, entries } = createTestLog()
  await using files = await follow(folder, { log: kept })
  rmSync(folder, { recursive: true })
  await until(() => files.told.includes('removed a'), 'gone')
  mkdirSync(folder)
  writeFileSync(join(folder, 'b'), '1')
  await until(() => files.told.includes('created b'), 'back')
  writeFileSync(join(folder, 'c'), '1')
  await until(() => files.told.includes('created c'), 'watched again')
  equal(entries.filter(({ message }) => message.includes('the folder is away')).length, 1)
})

test('files that cannot be looked at for a while are not told as removed', async (context) => {
  const folder = folderOf(context)
  writeFileSync(join(folder, 'a'), '1')
  const { log: kept, entries } = createTestLog()
  let fails = false
  const ignore = (): boolean => {
    if (fails) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' })
    return false
  }
  await using files = await follow(folder, { existing: true, ignore, log: kept })
  await until(() => files.told.length === 1, 'the first')
  fails = true
  writeFileSync(join(folder, 'b'), '1')
  await until(() => entries.length === 1, 'it is looked at')
  match(entries[0]!.message, /the files cannot be looked at/)
  fails = false
  writeFileSync(join(folder, 'c'), '1')
  await until(() => files.told.includes('created c'), 'looked at again')
  deepEqual(files.told, ['created a', 'created b', 'created c'])
})

test('a file whose time is no date is told all the same', { skip: !existsSync('/dev/shm') }, async (context) => {
  const folder = mkdtempSync('/dev/shm/posthorn-files-')
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), '')
  utimesSync(join(folder, 'a'), 1e14, 1e14)
  await using files = await follow(folder, { existing: true })
  await until(() => files.told.length === 2, 'both')
  deepEqual(files.told, ['created a', 'created b'])
})

test('a burst of changes is bounded by the listener, and what is not seen in between is not told', async (context) => {
  const folder = folderOf(context)
  const gate = new Gate()
  const told: string[] = []
  await using listening = await on(
    fileChanges('files', folder, { log, settle: '1ms' }),
    async ({ data }) => {
      told.push(data.path)
      await gate.pass()
    },
    { limit: 2 },
  )
  for (let n = 0; n < 50; n++) writeFileSync(join(folder, `f${n}`), '')
  await until(() => told.length === 1, 'the first')
  for (let n = 0; n < 50; n++) {
    await new Promise(setImmediate)
    ok(listening.counts.waiting <= 3, 'no more than the limit and one that waits for room')
  }
  gate.open()
  await until(() => new Set(told).size === 50, 'all')
  equal(listening.counts.dropped, 0)
})

test('limits of files, and mistakes, are told', async (context) => {
  const folder = folderOf(context)
  for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, name), name)
  const { log: kept, entries } = createTestLog()
  await using files = await follow(folder, { existing: true, maxFiles: 2, log: kept })
  await until(() => files.told.length === 2, 'two of three')
  match(entries[0]!.message, /more than 2 files or 1000 folders/)
  await rejects(follow(join(folder, 'none')), /path is ".*none": it must be a folder or a file that is there/)
  throws(() => fileChanges('f', ''), /path is "": it must be a folder or a file/)
  throws(() => fileChanges('f', folder, { rescan: 0 }), /rescan is 0: it must be at least 10 ms/)
  throws(() => fileChanges('f', folder, { settle: '5' as never }), /settle is '5', which has no unit/)
  throws(() => fileChanges('f', folder, { recusive: true } as never), /did you mean 'recursive'\?/)
})
