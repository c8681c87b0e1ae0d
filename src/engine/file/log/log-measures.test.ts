// What the log tells of itself is what it did.
import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Measure } from '../../../core/measure.ts'
import { FaultDisk } from '../disk/fault-disk.ts'
import { PlainLog } from '../../../../test/file/plain-log.ts'

function valueOf(measures: readonly Measure[], name: string, label?: string): number {
  const found = measures.find(
    (measure) => measure.name === name && (label === undefined || Object.values(measure.labels ?? {}).includes(label)),
  )
  ok(found !== undefined && found.kind !== 'histogram', name)
  return found.value
}

function spreadOf(measures: readonly Measure[], name: string): Extract<Measure, { readonly kind: 'histogram' }> {
  const found = measures.find((measure) => measure.name === name)
  ok(found?.kind === 'histogram', name)
  return found
}

test('syncs and those who share them, frames, segments and the room there is', async () => {
  const disk = new FaultDisk({ capacityBytes: 10_000_000 })
  const log = await PlainLog.open(disk, { limits: { firstSegmentBytes: 1 << 20, checkpointBytes: 1 << 30 } })
  const syncsBefore = spreadOf(log.measure(), 'posthorn_log_sync_seconds').values.count
  await Promise.all(Array.from({ length: 10 }, (_, number) => log.put(number, 'x'.repeat(100))))
  await log.put(1, 'y')
  const now = log.measure()
  equal(spreadOf(now, 'posthorn_log_sync_seconds').values.count - syncsBefore, 2)
  const { values } = spreadOf(now, 'posthorn_log_group_commits')
  equal(values.sum, 11)
  equal(values.max, 10)
  ok(valueOf(now, 'posthorn_log_frames_total') >= 2)
  ok(valueOf(now, 'posthorn_log_written_bytes_total', 'frames') > 10 * 100)
  equal(valueOf(now, 'posthorn_log_segments', 'used'), 1)
  equal(valueOf(now, 'posthorn_disk_free_bytes'), disk.freeBytes())
  equal(valueOf(now, 'posthorn_disk_refusing'), 0)
  await log.close()
})

test('checkpoints, and what is moved out of sparse segments', async () => {
  const log = await PlainLog.open(new FaultDisk(), { limits: { sparseFactor: 1, slackBytes: 8_192 } })
  for (let number = 0; number < 400; number++) {
    await log.put(number, 'x'.repeat(100))
    if (number % 10 !== 0) await log.remove(number)
  }
  await log.close()
  const now = log.measure()
  ok(spreadOf(now, 'posthorn_log_checkpoint_seconds').values.count > 0)
  ok(valueOf(now, 'posthorn_log_written_bytes_total', 'checkpoints') > 0)
  const rewritten = valueOf(now, 'posthorn_log_rewritten_bytes_total')
  ok(rewritten > 0)
  const frames = valueOf(now, 'posthorn_log_written_bytes_total', 'frames')
  const checkpoints = valueOf(now, 'posthorn_log_written_bytes_total', 'checkpoints')
  equal(valueOf(now, 'posthorn_log_write_amplification'), (frames + checkpoints) / (frames - rewritten))
})

test('zeros ahead of need are said apart: in a folder that is new there is little else', async () => {
  const log = await PlainLog.open(new FaultDisk(), { limits: { firstSegmentBytes: 1 << 20, checkpointBytes: 1 << 30 } })
  await log.put(1, 'x')
  const now = log.measure()
  ok(valueOf(now, 'posthorn_log_written_bytes_total', 'filling') > 100_000)
  equal(valueOf(now, 'posthorn_log_write_amplification'), 1)
  await log.close()
})
