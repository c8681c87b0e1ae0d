// Content: young and old, small and large, while segments are used again and rewritten.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk, seeded } from '../disk/fault-disk.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'

const COLD = {
  cacheBytes: 1,
  firstSegmentBytes: 1 << 21,
  segmentBytes: 1 << 21,
  checkpointBytes: 1 << 30,
  slackBytes: 1 << 30,
}

test('old content is read from the disk: within a piece, across pieces, larger than one', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: COLD })
  const random = seeded(3)
  const expected: Record<number, string> = {}
  for (let number = 1; number <= 300; number++) {
    const value = String(number % 10).repeat(number % 50 === 0 ? 400_000 : 1 + Math.floor(random() * 20_000))
    expected[number] = value
    await log.put(number, value)
  }
  deepEqual(await log.contents(), expected)
  deepEqual(
    await Promise.all(
      [...log.state.rows.values()].map(async ({ block }) => (await log.store.blocks.readBytes(block)).byteLength),
    ),
    Object.values(expected).map((value) => value.length),
  )
  await log.close()
  const next = await PlainLog.open(disk, { limits: COLD })
  deepEqual(await next.contents(), expected)
  await next.close()
})

test('content that is being read is given out though it is released meanwhile', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { ...COLD, checkpointBytes: 1 } })
  await log.put(1, 'one')
  for (let index = 0; index < 20; index++) await log.put(2, 'x'.repeat(200_000))
  const { block } = log.state.rows.get(1)!
  const reading = log.store.blocks.readBytes(block)
  ok(reading instanceof Promise)
  const removed = log.remove(1)
  equal(new TextDecoder().decode(await reading), 'one')
  await removed
  await log.close()
})

test('the disk taken stays in proportion to what is live', async () => {
  const disk = new FaultDisk()
  const limits = {
    firstSegmentBytes: 1 << 14,
    segmentBytes: 1 << 14,
    keptSegments: 2,
    checkpointBytes: 1 << 15,
    slackBytes: 4 << 14,
    sparseFactor: 2,
    cacheBytes: 1 << 16,
  }
  const log = await PlainLog.open(disk, { limits })
  const expected: Record<number, string> = {}
  let most = 0
  for (let index = 0; index < 4000; index++) {
    // One of fifty stays for long; the others go soon.
    const number = index % 50 === 0 ? 1000 + ((index / 50) % 40) : index % 20
    const value = `${index} ${'x'.repeat(400)}`
    expected[number] = value
    await log.put(number, value)
    if (index % 500 === 499) deepEqual(await log.contents(), expected, `after ${index}`)
    most = Math.max(most, disk.list(FOLDER).filter((name) => name.startsWith('segment')).length)
  }
  deepEqual(await log.contents(), expected)
  ok(most <= 16, `at most ${most} segments of 16 KiB for ${(60 * 400) >> 10} KiB that are live`)
  disk.powerCut()
  const next = await PlainLog.open(disk, { limits })
  deepEqual(await next.contents(), expected)
  await next.close()
})

test('what was read of a segment is not taken for what it holds when it is used again', async () => {
  const disk = new FaultDisk()
  const log = await PlainLog.open(disk, { limits: { keptSegments: 1, arenaBytes: 1 << 20, cacheBytes: 1 << 21 } })
  const expected: string[] = []
  for (let index = 0; index < 600; index++) {
    expected[index % 40] = `${index} ${'x'.repeat(300)}`
    await log.put(index % 40, expected[index % 40]!)
    for (const number of [(index + 20) % 40, (index + 30) % 40]) {
      const row = log.state.rows.get(number)
      if (row !== undefined)
        equal(new TextDecoder().decode(await log.store.blocks.readBytes(row.block)), expected[number])
    }
  }
  await log.close()
})
