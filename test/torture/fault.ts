// Errors of the disk in the midst of work: no room, a write that fails, a sync that fails and has lost what it should have kept. The
// engine either goes on and keeps its word, or stops for good and says so; what it confirmed is there afterwards.

import { isPosthornError } from '../../src/core/error.ts'
import { FaultDisk, seeded, type Failure } from '../../src/engine/file/disk/fault-disk.ts'
import { Bench, drawCut, drawLimits } from './disk.ts'
import { History } from './history.ts'
import { look } from './look.ts'
import type { Counts } from './round.ts'
import { prepare, work } from './work.ts'

const LIVES = 5
const FAILURES: readonly Pick<Failure, 'operation' | 'code'>[] = [
  { operation: 'write', code: 'ENOSPC' },
  { operation: 'write', code: 'EIO' },
  { operation: 'sync', code: 'EIO' },
  { operation: 'name', code: 'ENOSPC' },
  { operation: 'name', code: 'EIO' },
]

/** One disk, five lives, in each of which a call fails once or from then on. @throws Error where the engine broke its word */
export async function faultRound(seed: number, counts: Counts): Promise<void> {
  const random = seeded(seed)
  const disk = new FaultDisk({ seed, syncTurns: seed % 3 })
  const bench = new Bench(disk, random, { logLimits: drawLimits(random) })
  const history = new History()
  const first = await bench.open()
  await prepare(first)
  await first.close()
  for (let life = 0; life < LIVES; life++) {
    const failure = FAILURES[Math.floor(random() * FAILURES.length)]!
    const engine = await bench.open()
    await look(engine, history)
    disk.failNext({ ...failure, after: Math.floor(random() ** 2 * 60), lasting: random() < 0.5 })
    await work(engine, history, {
      random,
      uuid: () => bench.ids.uuid(),
      commits: 5 + Math.floor(random() * 40),
      advance: (ms) => bench.clock.advance(ms),
    })
    counts.add(`${failure.code} on ${failure.operation}`)
    if (history.steps.some(({ answer }) => answer === 'unknown')) {
      await hasStopped(engine)
      counts.add('engines that stopped')
    } else counts.add('engines that went on')
    if (random() < 0.3) await engine.close().catch(() => {})
    history.crash()
    if (random() < 0.5) disk.kill()
    else disk.powerCut(drawCut(random))
  }
  const engine = await bench.open()
  await look(engine, history)
  await engine.close()
  counts.add('commits confirmed', history.confirmed)
}

/** Whoever asks again is told the same. */
async function hasStopped(engine: { commit(commits: readonly []): Promise<unknown> }): Promise<void> {
  const answer = await engine.commit([]).then(
    () => 'an answer',
    (error: unknown) => (isPosthornError(error) ? error.code : String(error)),
  )
  if (answer !== 'engine-failed' && answer !== 'closed')
    throw new Error(`an engine of which the disk failed gave ${answer}`)
}
