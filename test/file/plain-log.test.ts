// The plainest log keeps what it was given: what tests that build on it take for granted.

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { FaultDisk } from '../../src/engine/file/disk/fault-disk.ts'
import { PlainLog } from './plain-log.ts'

test('what was put is there after a close and an open', async () => {
  const disk = new FaultDisk()
  const first = await PlainLog.open(disk)
  await first.put(1, 'one')
  await Promise.all([first.put(2, 'two'), first.put(3, 'three'), first.remove(1)])
  await first.close()
  const second = await PlainLog.open(disk)
  deepEqual(await second.contents(), { 2: 'two', 3: 'three' })
  equal(second.state.replayedFrames, 0, 'the checkpoint at close spares the replay')
  await second.close()
})

test('what was put is there after a kill, and after power was cut', async () => {
  for (const crash of ['kill', 'powerCut'] as const) {
    const disk = new FaultDisk()
    const first = await PlainLog.open(disk)
    await first.put(1, 'one')
    await first.put(2, 'x'.repeat(5000))
    disk[crash]()
    const second = await PlainLog.open(disk)
    deepEqual(await second.contents(), { 1: 'one', 2: 'x'.repeat(5000) }, crash)
    equal(second.store.frame, 3)
    await second.close()
  }
})
