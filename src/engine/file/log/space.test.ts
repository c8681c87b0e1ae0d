// The disk runs full: what is new is refused in time, what is there can still be settled, and nothing is lost either way.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { FaultDisk } from '../disk/fault-disk.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'
import { RESERVE } from './reserve.ts'

const LIMITS = {
  firstSegmentBytes: 16_384,
  segmentBytes: 65_536,
  reserveBytes: 65_536,
  minFreeBytes: 200_000,
  checkpointBytes: 1 << 30,
}

const COUNT = 100
/** So many that the reserve is needed. */
const SETTLED = 900

/** Another program takes what room there is. */
function fill(disk: FaultDisk, leaveBytes = 0): void {
  disk.makeFolder('/other')
  disk.open('/other/file', 'create').write([new Uint8Array(disk.freeBytes() - leaveBytes)], 0)
}

async function fillLog(log: PlainLog, count: number): Promise<void> {
  for (let number = 0; number < count; number++) await log.put(number, 'x'.repeat(900))
}

test('a disk that others fill to the last byte: sends are refused, settling goes on, and space that comes back is used', async () => {
  const clock = new ManualClock()
  const disk = new FaultDisk({ capacityBytes: 2_000_000 })
  const log = await PlainLog.open(disk, { limits: LIMITS, clock })
  await fillLog(log, 400)
  ok(disk.list(FOLDER).includes(RESERVE))
  fill(disk)
  const hasReserve = (): boolean => disk.list(FOLDER).includes(RESERVE)
  for (let number = 0; number < 400 || hasReserve(); number++) await log.remove(number)
  match(log.store.refusal() ?? '', /^the disk of \/plain has \d+ bytes left/)
  disk.remove('/other/file')
  clock.advance(100)
  equal(log.store.refusal(), null)
  await fillLog(log, 400)
  ok(hasReserve(), 'the reserve is there again')
  disk.powerCut({ unsynced: 'tear' })
  const next = await PlainLog.open(disk, { limits: LIMITS })
  equal(Object.keys(await next.contents()).length, 400)
  await next.close()
})

test('what was settled in the reserve is there after a power cut at any step', async () => {
  const build = async (): Promise<{ disk: FaultDisk; log: PlainLog }> => {
    const disk = new FaultDisk({ capacityBytes: 700_000 })
    const log = await PlainLog.open(disk, { limits: { ...LIMITS, minFreeBytes: 0 } })
    await fillLog(log, COUNT)
    fill(disk)
    return { disk, log }
  }
  const whole = await build()
  const from = whole.disk.steps
  for (let number = 0; number < SETTLED; number++) await whole.log.remove(number)
  ok(!whole.disk.list(FOLDER).includes(RESERVE), 'the reserve was needed')
  const until = whole.disk.steps
  for (let step = from; step < until; step += 61) {
    const { disk, log } = await build()
    disk.switchOffAt(step)
    let removed = 0
    try {
      for (; removed < SETTLED; removed++) await log.remove(removed)
    } catch {
      // The power went.
    }
    disk.powerCut({ unsynced: 'tear', names: 'tear' })
    if (disk.list('/other').length > 0) disk.remove('/other/file')
    const next = await PlainLog.open(disk, { limits: LIMITS })
    const left = Object.keys(await next.contents()).map(Number)
    ok(
      left.every((number) => number >= removed),
      `power cut at step ${step}: ${removed} were removed, ${left[0]} is there`,
    )
    ok(
      left.length >= COUNT - removed - 1,
      `power cut at step ${step}: ${removed} were removed, ${left.length} are left`,
    )
    await next.close()
  }
})

test('a folder whose disk is full is opened in the reserve', async () => {
  const disk = new FaultDisk({ capacityBytes: 700_000 })
  const first = await PlainLog.open(disk, { limits: LIMITS })
  await fillLog(first, 100)
  fill(disk, 100)
  disk.kill()
  const second = await PlainLog.open(disk, { limits: LIMITS })
  match(second.store.refusal() ?? '', /bytes left/)
  for (let number = 0; number < 100; number++) await second.remove(number)
  deepEqual(await second.contents(), {})
  await second.close()
})

test('what was settled gives its room back, though nothing is written any more that would ask for a checkpoint', async () => {
  const clock = new ManualClock()
  const disk = new FaultDisk({ capacityBytes: 1_200_000 })
  const log = await PlainLog.open(disk, { limits: { ...LIMITS, keptSegments: 1 }, clock })
  const refusal = (): string | null => {
    clock.advance(1_000)
    return log.store.refusal()
  }
  let count = 0
  while (refusal() === null) await log.put(count++, 'x'.repeat(9_000))
  // No room for a checkpoint while all this is settled.
  fill(disk)
  for (let number = 0; number < count; number++) await log.remove(number)
  ok(refusal() !== null)
  disk.remove('/other/file')
  for (let turn = 0; refusal() !== null; turn++) {
    ok(turn < 1_000, 'the room is not given back')
    await new Promise((resolve) => setImmediate(resolve))
  }
  await log.put(0, 'again')
  await log.close()
})

test('a disk that does not tell its room is not believed to be full, and stops nothing', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: LIMITS })
  const freeBytes = disk.freeBytes.bind(disk)
  disk.freeBytes = (...folder: readonly unknown[]) => {
    // It asks itself, too.
    if (folder.length === 0) return freeBytes()
    throw new Error('no idea')
  }
  await fillLog(log, 200)
  equal(log.store.refusal(), null)
  ok(log.measure().every(({ name }) => name !== 'posthorn_disk_free_bytes'))
  await log.close()
})

test('a disk that is full is not asked at every send', async () => {
  const clock = new ManualClock()
  const disk = new FaultDisk({ capacityBytes: 400_000 })
  const log = await PlainLog.open(disk, { limits: LIMITS, clock })
  fill(disk)
  await log.put(1, 'x')
  let asked = 0
  const freeBytes = disk.freeBytes.bind(disk)
  disk.freeBytes = () => {
    asked++
    return freeBytes()
  }
  for (let send = 0; send < 1_000; send++) log.store.refusal()
  ok(asked <= 1, `${asked} times`)
  await log.close()
})
