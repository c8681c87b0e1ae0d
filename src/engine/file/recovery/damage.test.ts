// Damage is told from a torn tail: what was promised is never lost in silence, and what was not is cut.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { isPosthornError } from '../../../core/error.ts'
import { FaultDisk } from '../disk/fault-disk.ts'
import { openFileEngine, type FileEngine } from '../engine.ts'
import { FrameReader } from '../log/frame-reader.ts'
import { CHECKPOINT, type CheckpointFrom, type CheckpointHead } from './checkpoint.ts'
import { makeFrame } from '../log/frame.ts'
import { segmentName } from '../log/segment.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'

const path = (name: string): string => `${FOLDER}/${name}`
const FIRST = path(segmentName(1))
/** Of bytes, as they print. */
const MAGIC = '80,72,70,82'
const LARGE = { firstSegmentBytes: 1 << 16, segmentBytes: 1 << 16, checkpointBytes: 1 << 20 }

/** A log of one segment with ten confirmed values, killed. */
async function tenValues(): Promise<FaultDisk> {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: LARGE })
  for (let index = 1; index <= 10; index++) await log.put(index, `value ${index}`)
  disk.kill()
  return disk
}

/** A disk with this as its first segment. */
function diskOf(bytes: Uint8Array): FaultDisk {
  const disk = new FaultDisk()
  disk.makeFolder(FOLDER)
  disk.open(FIRST, 'create').write([bytes], 0)
  return disk
}

function framesOf(disk: FaultDisk, file: string): { readonly offset: number; readonly next: number }[] {
  return [...new FrameReader(disk.open(file, 'existing')).search(0)].map(({ offset, next }) => ({ offset, next }))
}

function flip(disk: FaultDisk, file: string, offset: number, bit = 1): void {
  disk.bytesOf(file)[offset]! ^= bit
}

async function isCorrupt(disk: FaultDisk, details: Readonly<Record<string, unknown>>): Promise<void> {
  await rejects(PlainLog.open(disk), (error) => {
    ok(isPosthornError(error), String(error))
    equal(error.code, 'corrupt', error.message)
    for (const [name, value] of Object.entries(details))
      deepEqual(error.details[name], value, `${name} in ${error.message}`)
    return true
  })
}

test('a bit that flipped in what was promised stops the open, naming file and range', async () => {
  const count = framesOf(await tenValues(), FIRST).length
  equal(count, 11)
  for (let frame = 1; frame < count - 1; frame++) {
    for (const at of ['header', 'payload'] as const) {
      const disk = await tenValues()
      const { offset, next } = framesOf(disk, FIRST)[frame]!
      flip(disk, FIRST, at === 'header' ? offset + 9 : offset + 60, 4)
      await isCorrupt(disk, { file: FIRST, from: offset, until: next, sequence: frame })
    }
  }
})

test('every bit of a header counts', async () => {
  const disk = await tenValues()
  const { offset } = framesOf(disk, FIRST)[4]!
  for (let bit = 0; bit < 56 * 8; bit++) {
    flip(disk, FIRST, offset + (bit >> 3), 1 << (bit & 7))
    await isCorrupt(disk, { file: FIRST, from: offset })
    flip(disk, FIRST, offset + (bit >> 3), 1 << (bit & 7))
  }
})

test('a bit that turned in the last frame, which nobody promised, is found and turned back', async () => {
  const disk = await tenValues()
  const { offset, next } = framesOf(disk, FIRST).at(-1)!
  const whole = disk.bytesOf(FIRST).slice()
  for (let bit = 0; bit < (next - offset) * 8; bit++) {
    const hurt = diskOf(whole)
    flip(hurt, FIRST, offset + (bit >> 3), 1 << (bit & 7))
    const log = await PlainLog.open(hurt, { limits: LARGE })
    equal(Object.keys(await log.contents()).length, 10, `bit ${bit}`)
    equal(Buffer.compare(hurt.bytesOf(FIRST).subarray(0, next), whole.subarray(0, next)), 0, `bit ${bit}`)
    const measured = log.measure().find(({ name }) => name === 'posthorn_log_mended_frames_total')
    equal(measured?.kind === 'counter' && measured.value, 1)
    hurt.kill()
  }
})

test('a bit that turned in the only frame of a segment, or in its head, is turned back as well', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { checkpointBytes: 1 << 30 } })
  let count = 0
  while (!disk.list(FOLDER).includes(segmentName(2))) await log.put(++count, 'x'.repeat(500))
  disk.kill()
  const file = path(segmentName(2))
  const [head, ...frames] = framesOf(disk, file)
  equal(frames.length, 1)
  // What says where the log went on was not on the disk yet.
  const left = framesOf(disk, FIRST).at(-1)!
  disk.bytesOf(FIRST).fill(0, left.offset, left.next)
  const [first, second] = [disk.bytesOf(FIRST), disk.bytesOf(file)]
  // Every bit of the head, and some of the frame.
  for (let bit = 0; bit < frames[0]!.next * 8; bit += bit < head!.next * 8 ? 1 : 41) {
    const hurt = diskOf(first)
    hurt.open(file, 'create').write([second], 0)
    flip(hurt, file, bit >> 3, 1 << (bit & 7))
    const again = await PlainLog.open(hurt)
    equal(Object.keys(await again.contents()).length, count, `bit ${bit}`)
    hurt.kill()
  }
})

test('the last frame, which nobody promised, is cut where it is not whole', async () => {
  const disk = await tenValues()
  const { offset } = framesOf(disk, FIRST).at(-1)!
  flip(disk, FIRST, offset + 60)
  flip(disk, FIRST, offset + 61)
  const log = await PlainLog.open(disk, { limits: LARGE })
  equal(Object.keys(await log.contents()).length, 9)
  await log.put(11, 'after the cut')
  disk.kill()
  const next = await PlainLog.open(disk, { limits: LARGE })
  deepEqual(Object.keys(await next.contents()).map(Number), [1, 2, 3, 4, 5, 6, 7, 8, 9, 11])
  await next.close()
})

test('once the log has rested, the last frame is promised as well', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: LARGE })
  await log.put(1, 'value 1')
  await log.put(2, 'value 2')
  const steps = disk.steps
  while (disk.steps === steps) await new Promise((resolve) => setImmediate(resolve))
  disk.kill()
  const { offset, next } = framesOf(disk, FIRST)[2]!
  flip(disk, FIRST, offset + 60)
  await isCorrupt(disk, { file: FIRST, from: offset, until: next })
  flip(disk, FIRST, offset + 60)
  disk.powerCut()
  const after = await PlainLog.open(disk, { limits: LARGE })
  deepEqual(await after.contents(), { 1: 'value 1', 2: 'value 2' })
  await after.close()
})

test('a zeroed page, a head that is gone, a segment cut short or missing', async () => {
  const zeroed = await tenValues()
  const [head, second] = framesOf(zeroed, FIRST)
  zeroed.bytesOf(FIRST).fill(0, second!.offset, second!.offset + 512)
  await isCorrupt(zeroed, { file: FIRST, from: second!.offset })
  const headless = await tenValues()
  flip(headless, FIRST, head!.offset + 60)
  await isCorrupt(headless, { file: FIRST, from: 0, until: second!.offset })

  const short = await longLog()
  short.open(path(segmentName(2)), 'existing').truncate(4000)
  await isCorrupt(short, { file: path(segmentName(2)), from: 4000, until: 8192 })
  const missing = await longLog()
  missing.remove(path(segmentName(2)))
  await isCorrupt(missing, { file: path(segmentName(2)) })
})

/** Several segments, filled ahead while nobody waited, no checkpoint, killed. */
async function longLog(): Promise<FaultDisk> {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { checkpointBytes: 1 << 30 } })
  for (let index = 0; index < 40; index++) {
    await log.put(index, 'x'.repeat(500))
    await nextTurn()
    await nextTurn()
  }
  disk.kill()
  return disk
}

test('a copy of a segment under another name is named', async () => {
  const disk = await longLog()
  const copy = disk.open(path('segment-000099.log'), 'create')
  copy.write([disk.bytesOf(FIRST)], 0)
  await isCorrupt(disk, { file: path('segment-000099.log'), segment: 1 })
})

test('a damaged or missing checkpoint is noticed: the log before it is gone', async () => {
  const build = async (): Promise<FaultDisk> => {
    const disk = new FaultDisk()
    const log = await PlainLog.open(disk)
    for (let index = 0; index < 60; index++) await log.put(index % 20, 'x'.repeat(400))
    await log.close()
    return disk
  }
  const damaged = await build()
  const size = damaged.bytesOf(path(CHECKPOINT)).byteLength
  for (let at = 0; at < size; at += 97) {
    flip(damaged, path(CHECKPOINT), at)
    await isCorrupt(damaged, { file: path(CHECKPOINT) })
    flip(damaged, path(CHECKPOINT), at)
  }
  const missing = await build()
  missing.remove(path(CHECKPOINT))
  await isCorrupt(missing, { file: path(CHECKPOINT) })
})

test('content that was damaged is never given out, and the rest is', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: LARGE })
  await log.put(1, 'first value')
  await log.put(2, 'second value')
  await log.close()
  const bytes = disk.bytesOf(FIRST)
  const at = Buffer.from(bytes).indexOf('first value')
  bytes[at]! ^= 8
  const next = await PlainLog.open(disk, { limits: LARGE })
  const { block } = next.state.rows.get(1)!
  await rejects(
    async () => next.store.blocks.readBytes(block),
    (error) => isPosthornError(error) && error.code === 'corrupt' && error.details['file'] === FIRST,
  )
  equal(new TextDecoder().decode(await next.store.blocks.readBytes(next.state.rows.get(2)!.block)), 'second value')
  await next.close()
})

test('a file of a newer format is refused as such', async () => {
  const disk = await tenValues()
  const [head] = framesOf(disk, FIRST)
  const bytes = disk.bytesOf(FIRST)
  const frame = Buffer.concat(
    makeFrame(
      { kind: 1, incarnation: 1, sequence: 1, syncedTo: 0, engineMs: 0, wallMs: 0 },
      bytes.slice(head!.offset + 56, head!.next),
    ),
  )
  frame[12] = 2
  // The checksum covers the format: a newer version writes its own.
  const { crc32 } = await import('node:zlib')
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4)
  bytes.set(frame, head!.offset)
  await rejects(
    PlainLog.open(disk),
    (error) => isPosthornError(error) && error.code === 'newer-format' && error.details['format'] === 2,
  )
})

test('frames that a recycled segment still holds are never replayed', async () => {
  const disk = new FaultDisk()
  const limits = { keptSegments: 8, checkpointBytes: 3000 }
  let expected: Record<number, string> = {}
  let recycled = 0
  for (let life = 0; life < 10; life++) {
    const log = await PlainLog.open(disk, { limits })
    deepEqual(await log.contents(), expected, `life ${life}`)
    for (let index = 0; index < 30; index++) await log.put(index % 5, `${life}/${index} ${'x'.repeat(200)}`)
    expected = await log.contents()
    recycled = Math.max(recycled, log.store.frame)
    disk[life % 2 === 0 ? 'kill' : 'powerCut']()
  }
  const files = disk.list(FOLDER).filter((name) => name.startsWith('segment'))
  ok(files.length < 14, `${files.length} segments for ${recycled} frames: they are used again`)
})

test('a frame of an earlier opening that lies where the next one belongs is not taken for it', async () => {
  const early = await tenValues()
  const frames = framesOf(early, FIRST)
  const disk = new FaultDisk()
  const first = await PlainLog.open(disk, { limits: LARGE })
  await first.put(1, 'value 1')
  disk.kill()
  const second = await PlainLog.open(disk, { limits: LARGE })
  await second.put(2, 'value 2')
  disk.kill()
  const path2 = path(segmentName(2))
  const end = framesOf(disk, path2).at(-1)!.next
  const third = frames[3]!
  disk.bytesOf(path2).set(early.bytesOf(FIRST).subarray(third.offset, third.next), end)
  const next = await PlainLog.open(disk, { limits: LARGE })
  deepEqual(await next.contents(), { 1: 'value 1', 2: 'value 2' })
  await next.close()
})

test('a checkpoint vouches for every frame that it covers', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { ...LARGE, checkpointBytes: 20_000 } })
  for (let index = 0; checkpointOf(disk) === null; index++) await log.put(index % 200, 'x'.repeat(300))
  disk.kill()
  const { from, until } = checkpointOf(disk)!
  ok(until > from.sequence, 'commits went on while it was written')
  disk.bytesOf(path(segmentName(from.segment))).fill(0, from.offset)
  await isCorrupt(disk, { sequence: from.sequence + 1, promised: until })
})

function checkpointOf(disk: FaultDisk): { readonly from: CheckpointFrom; readonly until: number } | null {
  if (!disk.list(FOLDER).includes(CHECKPOINT)) return null
  const frames = new FrameReader(disk.open(path(CHECKPOINT), 'existing')).search(0)
  const { header, bytes, from, end } = frames.next().value!
  let until = header.sequence
  const head = JSON.parse(bytes.toString('utf8', from, end)) as CheckpointHead
  for (const frame of frames) until = frame.header.sequence
  return { from: head.from, until }
}

test('the last segment is missed, or was set back, though nothing behind it tells of it', async () => {
  for (const lives of [1, 2]) {
    const disk = lives === 1 ? await longLog() : await tenValues()
    if (lives === 2) {
      const log = await PlainLog.open(disk, { limits: LARGE })
      await log.put(11, 'of the second life')
      await log.put(12, 'and the last')
      disk.kill()
    }
    const last = disk
      .list(FOLDER)
      .filter((name) => name.startsWith('segment') && disk.bytesOf(path(name)).subarray(0, 4).toString() === MAGIC)
      .toSorted()
      .at(-1)!
    const bytes = disk.bytesOf(path(last)).slice()
    const setBack = bytes.slice(0, 4096).fill(0)
    for (const stale of [null, setBack]) {
      disk.remove(path(last))
      if (stale !== null) disk.open(path(last), 'create').write([stale], 0)
      await isCorrupt(disk, { file: path(last), from: 0 })
      if (stale === null) disk.open(path(last), 'create').write([bytes], 0)
    }
  }
})

test('after a close the last frame is promised, though no checkpoint covers it', async () => {
  const disk = new FaultDisk()
  const open = (): Promise<FileEngine> => openFileEngine(FOLDER, { disk, logLimits: { minFreeBytes: 0 } })
  const put = (engine: FileEngine, key: string): Promise<unknown> =>
    engine.commit([{ changes: [{ do: 'put', key, value: new Uint8Array(10) }] }])
  const first = await open()
  await Promise.all(Array.from({ length: 2000 }, (_, number) => put(first, `key-${number}`)))
  await first.close()
  const second = await open()
  await put(second, 'little-since-the-checkpoint')
  await second.close()
  const file = path(segmentName(2))
  const at = Buffer.from(disk.bytesOf(file)).indexOf('little-since')
  flip(disk, file, at)
  await rejects(open(), (error) => isPosthornError(error) && error.code === 'corrupt' && error.details['file'] === file)
})

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
