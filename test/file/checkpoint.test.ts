// A state that was read from a checkpoint and the log behind it is the state that the whole log gives.

import { deepEqual, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { openFileEngine, type FileEngine } from '../../src/engine/file/engine.ts'
import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { seenOf, Workload } from './workload.ts'
import { seedOfRun } from '../seed.ts'

const FOLDER = '/checkpoint'
const OFTEN = {
  firstSegmentBytes: 4096,
  segmentBytes: 8192,
  checkpointBytes: 1,
  slackBytes: 8192,
  minFreeBytes: 0,
  pauseMs: 0,
  earlyCommits: 3,
  busyShare: Infinity,
  cacheBytes: 1,
}
const STEPS = 150
const NEVER = { ...OFTEN, checkpointBytes: 1 << 30, slackBytes: 1 << 30 }

async function reopened(
  seed: number,
  work: Workload,
  logLimits: typeof OFTEN,
  leave: 'kill' | 'close',
): Promise<{ before: unknown; after: unknown; checkpoints: number }> {
  const disk = new FaultDisk({ seed })
  const open = (): Promise<FileEngine> =>
    openFileEngine(FOLDER, { disk: disk.session(), clock: work.clock, ids: work.ids, logLimits })
  let checkpoints = 0
  const rename = disk.rename.bind(disk)
  disk.rename = (from, to) => {
    if (to.endsWith('/checkpoint')) checkpoints++
    rename(from, to)
  }
  const engine = await open()
  await work.prepare(engine)
  for (let step = 0; step < STEPS; step++) await work.step(engine)
  const before = await seenOf(engine)
  if (leave === 'close') await engine.close()
  else disk.kill()
  const next = await open()
  const after = await seenOf(next)
  await next.close()
  return { before, after, checkpoints }
}

test('replay behind checkpoints and replay of the whole log give the same', async (t) => {
  const first = seedOfRun()
  const runs = Number(process.env['POSTHORN_RUNS'] ?? 15)
  t.diagnostic(`POSTHORN_SEED=${first} POSTHORN_RUNS=${runs}`)
  let others = 0
  for (let seed = first; seed < first + runs; seed++) {
    const often = await reopened(seed, new Workload(seeded(seed)), OFTEN, 'kill')
    const never = await reopened(seed, new Workload(seeded(seed)), NEVER, 'kill')
    // Where a decision of time was durable sooner, it took its place sooner, and the work went on otherwise.
    if (!isDeepStrictEqual(often.before, never.before)) {
      others++
      continue
    }
    deepEqual(often.after, never.after, `seed ${seed}`)
    ok(
      often.checkpoints > 3 && never.checkpoints <= 1,
      `seed ${seed}: ${often.checkpoints} and ${never.checkpoints} checkpoints`,
    )
  }
  ok(others <= runs / 3, `${others} of ${runs} runs cannot be compared`)
})

test('what is seen after an open is what was seen before, where no lease was of the process', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { before, after } = await reopened(
      seed,
      new Workload(seeded(seed), ['client']),
      OFTEN,
      seed % 2 === 0 ? 'close' : 'kill',
    )
    deepEqual(after, before, `seed ${seed}`)
  }
})
