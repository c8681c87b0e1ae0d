// Group commit, fail stop and what a caller is told.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { isPosthornError } from '../../../core/error.ts'
import { FaultDisk, type Failure } from '../disk/fault-disk.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'
import { KINDS } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { Load } from './load.ts'

const MANY = 100
/** Fewer than a sync is begun early for. */
const FEW = 30
/** Too large for anything but the log itself to touch the disk. */
const QUIET = { firstSegmentBytes: 1 << 20, segmentBytes: 1 << 22, checkpointBytes: 1 << 30 }

test('those who wait together share one write and one sync', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: QUIET })
  await log.put(1, 'first')
  const before = disk.steps
  await Promise.all(Array.from({ length: FEW }, (_, index) => log.put(index, 'x')))
  equal(disk.steps - before, 2)
  await log.close()
})

test('where many wait, a sync begins while others are decided, and the next is there when it ends', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: QUIET })
  await log.put(1, 'first')
  let [underWay, most, syncs] = [0, 0, 0]
  const sync = disk.sync.bind(disk)
  disk.sync = async (files) => {
    syncs++
    most = Math.max(most, ++underWay)
    await sync(files)
    underWay--
  }
  await putMany(log)
  deepEqual({ most, syncs }, { most: 2, syncs: 3 })
  await log.close()
})

test('where the thread that decides has no time left, no sync begins early', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { ...QUIET, busyShare: 0 } })
  await log.put(1, 'first')
  // It is seen only now and then.
  for (let round = 0; round < 300; round++) await putMany(log)
  const before = disk.steps
  await putMany(log)
  equal(disk.steps - before, 2)
  await log.close()
})

test('who is patient waits some turns for others, and no longer than they do', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: QUIET })
  await log.put(1, 'first')
  const turnsUntilSync = async (): Promise<number> => {
    const before = disk.steps
    let turns = 0
    for (; disk.steps === before; turns++) await nextTurn()
    await log.store.durable(log.store.frame - 1)
    return turns
  }
  log.store.entries.recordRemoved(7)
  log.store.sync(1, true)
  const alone = await turnsUntilSync()
  log.store.entries.recordRemoved(7)
  log.store.sync(1, true)
  const put = log.put(1, 'second')
  const together = await turnsUntilSync()
  await put
  ok(alone > together, `${alone} turns alone, ${together} with one who cannot wait`)
  await log.close()
})

test('who was alone in the turn before waits for no other; after a turn with others all who come in one are gathered', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: QUIET })
  await log.put(1, 'first')
  let syncs = 0
  const sync = disk.sync.bind(disk)
  disk.sync = (files) => (syncs++, sync(files))
  await nextTurn()
  const alone = log.put(2, 'alone')
  await new Promise<void>((resolve) => process.nextTick(resolve))
  equal(syncs, 1)
  await alone
  // Each in a callback of its own, as requests come from sockets.
  const pair = (): Promise<void[]> =>
    Promise.all(
      [3, 4].map((record) => new Promise<void>((resolve) => setImmediate(() => resolve(log.put(record, 'x'))))),
    )
  const counts: number[] = []
  for (const put of [pair, pair, () => log.put(5, 'alone'), pair]) {
    await nextTurn()
    await nextTurn()
    const before = syncs
    await put()
    counts.push(syncs - before)
  }
  deepEqual(counts, [2, 1, 1, 2])
  await log.close()
})

test('the disk is told to expect a sync by who is alone, and not while one is under way', async () => {
  const disk = new FaultDisk({ syncTurns: 3 })
  let told = 0
  const session = disk.session()
  disk.session = () => ({ ...session, expectSync: () => void told++ })
  const log = await PlainLog.open(disk, { limits: QUIET })
  await log.put(1, 'first')
  await nextTurn()
  log.store.expectSync()
  equal(told, 1)
  const put = log.put(2, 'second')
  log.store.expectSync()
  await put
  equal(told, 1)
  await log.close()
})

test('how busy the thread is, is seen without the syncs that begin early, now and then', () => {
  const [load, never] = [new Load(1), new Load(Infinity)]
  const frames = Array.from({ length: 1000 }, (_, at) => at + 1)
  const seen = frames.map((frame) => load.isHigh(frame))
  ok(!seen.slice(0, 100).includes(true) && seen.includes(true))
  ok(!frames.some((frame) => never.isHigh(frame)))
})

test('where nothing is to be made durable nothing is written, however many ask', async () => {
  const log = await PlainLog.open(new FaultDisk(), { limits: QUIET })
  await log.put(1, 'first')
  const { frame } = log.store
  log.store.sync(MANY)
  equal(log.store.frame, frame)
  await log.close()
})

test('after a sync that failed nothing is said to be durable, though the one behind it succeeds', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { earlyCommits: 1, checkpointBytes: 1 << 30 } })
  const last = (): string => disk.list(FOLDER).findLast((name) => name.startsWith('segment'))!
  const [first] = disk.list(FOLDER).filter((name) => name.startsWith('segment'))
  disk.failNext({ operation: 'sync', code: 'EIO', lasting: false })
  // The second is in another segment: the first would be told where the log went on.
  const puts = [log.put(1, 'x'.repeat(2000)), log.put(2, 'y')]
  ok(last() !== first)
  for (const put of puts) await rejects(put, /EIO/)
  await nextTurn()
  const kinds = [...new FrameReader(disk.open(`${FOLDER}/${first}`, 'existing')).search(0)].map(
    ({ header }) => header.kind,
  )
  deepEqual(kinds, [KINDS.head, KINDS.entries])
  await log.close()
})

test('who is woken by a sync has his turn before an empty frame is written that says so', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: QUIET })
  await log.put(1, 'first')
  const before = disk.steps
  await nextTurn()
  equal(disk.steps - before, 0)
  await nextTurn()
  equal(disk.steps - before, 1)
  await log.close()
})

test('those who come during a sync share the next one', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: QUIET })
  const first = log.put(0, 'first')
  const later: Promise<void>[] = []
  const sync = disk.sync.bind(disk)
  disk.sync = (files) => {
    if (later.length === 0) for (let index = 1; index < FEW; index++) later.push(log.put(index, 'later'))
    return sync(files)
  }
  await first
  const before = disk.steps
  await Promise.all(later)
  equal(disk.steps - before, 2)
  await log.close()
})

test('a segment that is not filled becomes longer by strides of zeros, which never come over what was written', async () => {
  const disk = new FaultDisk()
  const limits = { ...QUIET, strideBytes: 4096, arenaBytes: 1 << 16 }
  const log = await PlainLog.open(disk, { limits })
  const [path] = disk.list(FOLDER).filter((name) => name.startsWith('segment'))
  const size = (): number => disk.open(`${FOLDER}/${path}`, 'existing').size()
  await log.put(1, 'short')
  const first = size()
  ok(first >= 4096 && first < 5000, String(first))
  await log.put(2, 'short')
  equal(size(), first)
  // Longer than a stride: it is written alone, and what follows it begins another.
  const before = disk.steps
  await log.put(3, 'long'.repeat(3000))
  equal(disk.steps - before, 2)
  const long = size()
  await log.put(4, 'short')
  ok(size() >= long + 4096)
  await log.put(5, 'x'.repeat(3000))
  const contents = await log.contents()
  disk.powerCut()
  const next = await PlainLog.open(disk, { limits })
  deepEqual(await next.contents(), contents)
  await next.close()
})

test('where there is no room for zeros the log goes on without', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { ...QUIET, strideBytes: 4096 } })
  disk.failNext({ operation: 'write', code: 'ENOSPC', lasting: false })
  await log.put(1, 'x'.repeat(3000))
  equal(log.failure, null)
  await log.close()
})

test('a frame that is only written survives a kill, and not always a power cut', async () => {
  for (const crash of ['kill', 'powerCut'] as const) {
    const disk = new FaultDisk()
    const log = await PlainLog.open(disk)
    await log.put(1, 'durable')
    log.store.entries.recordPut({
      record: 2,
      key: 'key 2',
      block: log.store.blocks.addBytes(new Uint8Array([65])),
      version: 1,
      expiresAt: null,
      aliases: [],
    })
    log.store.write()
    equal(log.store.reached('os'), 2)
    equal(log.store.reached('disk'), 1)
    disk[crash]()
    const next = await PlainLog.open(disk)
    deepEqual(await next.contents(), crash === 'kill' ? { 1: 'durable', 2: 'A' } : { 1: 'durable' })
    await next.close()
  }
})

test('durability os confirms what is written, without a sync', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { durability: 'os' })
  deepEqual(log.store.durability, ['os'])
  disk.sync = () => Promise.reject(new Error('nobody asked for a sync'))
  await log.put(1, 'one')
  disk.kill()
  Reflect.deleteProperty(disk, 'sync')
  const next = await PlainLog.open(disk, { durability: 'os' })
  deepEqual(await next.contents(), { 1: 'one' })
  await next.close()
})

test('durability os counts a large frame as written once the ledger has been told, so that what it confirms is ready', async () => {
  const log = await PlainLog.open(new FaultDisk(), { limits: QUIET, durability: 'os' })
  const put = log.put(1, 'x'.repeat(600_000))
  equal(log.store.reached('os'), 0)
  await put
  equal(log.store.reached('os'), 1)
  await log.close()
})

test('an error of the disk stops the log for good, and those who wait are told', async () => {
  const failures: readonly Failure[] = [
    { operation: 'write', code: 'EIO' },
    { operation: 'write', code: 'ENOSPC' },
    { operation: 'sync', code: 'EIO' },
    { operation: 'sync', code: 'EIO', lasting: false },
  ]
  for (const failure of failures) {
    const disk = new FaultDisk()
    const log = await PlainLog.open(disk)
    await log.put(1, 'confirmed')
    disk.failNext(failure)
    await rejects(
      log.put(2, 'lost'),
      (error) => isPosthornError(error) && error.code === 'engine-failed' && error.message.includes(failure.code),
    )
    await rejects(log.put(3, 'never begun'), (error) => isPosthornError(error) && error.code === 'engine-failed')
    await log.close()
    disk.powerCut()
    const next = await PlainLog.open(disk)
    deepEqual(await next.contents(), { 1: 'confirmed' })
    await next.close()
  }
})

test('a lease that cannot be written is not given', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk)
  disk.failNext({ operation: 'write', code: 'EIO' })
  log.store.entries.extended(1, 1)
  let thrown: unknown
  try {
    log.store.write()
  } catch (error) {
    thrown = error
  }
  equal(isPosthornError(thrown) && thrown.code, 'engine-failed')
  await log.close()
})

test('new messages are refused before the disk is full, and taken again when there is room', async () => {
  const disk = new FaultDisk({ capacityBytes: 2_300_000 })
  const clock = new ManualClock()
  const log = await PlainLog.open(disk, { clock, limits: { minFreeBytes: 1_000_000, checkpointBytes: 1 << 30 } })
  equal(log.store.refusal(), null)
  disk.makeFolder('/other')
  disk.open('/other/file', 'create').write([new Uint8Array(500_000)], 0)
  await log.put(1, 'x'.repeat(1 << 20))
  match(log.store.refusal() ?? '', /^the disk of \/plain has \d+ bytes left/)
  disk.remove('/other/file')
  await log.remove(1)
  clock.advance(100)
  equal(log.store.refusal(), null)
  await log.close()
})

test('a checkpoint for which there is no room does not disturb', async () => {
  const disk = new FaultDisk({ capacityBytes: 30_000 })
  const log = await PlainLog.open(disk, { limits: { checkpointBytes: 1 << 30 } })
  await log.put(1, 'x'.repeat(3000))
  disk.makeFolder('/other')
  disk.open('/other/file', 'create').write([new Uint8Array(disk.freeBytes() - 10)], 0)
  await log.close()
  disk.remove('/other/file')
  const next = await PlainLog.open(disk)
  equal((await next.contents())[1]?.length, 3000)
  deepEqual(
    disk.list(FOLDER).filter((name) => name.includes('checkpoint')),
    [],
  )
  await next.close()
})

test('engine time goes on over a restart by the wall time that passed, and never back', async () => {
  const { ManualClock } = await import('../../../core/clock.ts')
  for (const [stepMs, passedMs] of [
    [60_000, 60_000],
    [-3_600_000, 0],
  ] as const) {
    const disk = new FaultDisk()
    const clock = new ManualClock()
    const first = await PlainLog.open(disk, { clock })
    clock.advance(5000)
    await first.put(1, 'one')
    const lastMs = first.now()
    disk.kill()
    clock.stepWall(stepMs)
    const second = await PlainLog.open(disk, { clock })
    equal(second.now(), lastMs + passedMs)
    await second.close()
  }
})

test('on a disk that is nearly full segments are freed early', async () => {
  const disk = new FaultDisk({ capacityBytes: 12 << 20 })
  const limits = {
    firstSegmentBytes: 1 << 20,
    segmentBytes: 1 << 20,
    keptSegments: 0,
    checkpointBytes: 1 << 30,
    minFreeBytes: 4 << 20,
  }
  const log = await PlainLog.open(disk, { limits })
  for (let index = 0; index < 300; index++) await log.put(1, 'x'.repeat(100_000))
  equal((await log.contents())[1]?.length, 100_000)
  await log.close()
})

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function putMany(log: PlainLog): Promise<void> {
  await Promise.all(Array.from({ length: MANY }, (_, index) => log.put(index, 'x')))
}
