import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Workbench, type Fault } from '../../test/delivery/workbench.ts'
import { DEFAULT_QUEUE } from '../core/settings.ts'
import type { Binding, Run } from './binding.ts'
import { bury, snooze } from './outcome.ts'
import { seedOfRun } from '../../test/seed.ts'

const SEEDS = Array.from({ length: 40 }, (_, at) => seedOfRun() + at)
const MESSAGES = 25

/** mulberry32 */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A handler that does everything handlers do, and whose effect shows if it takes place twice. */
function wildHandler(bench: Workbench, random: () => number): Binding['run'] {
  return (run: Run) => {
    run.hold({ do: 'put', key: `effect/${run.id}`, value: new Uint8Array(1), ifVersion: null })
    const roll = random()
    if (roll < 0.1) throw new Error('broken')
    if (roll < 0.15) return run.make(snooze(500))
    if (roll < 0.18) return run.make(bury('no use'))
    if (roll < 0.22) bench.clock.stall(31_000)
    if (roll < 0.3) return new Promise(() => {})
    return roll < 0.6 ? bench.settle(Math.ceil(roll * 10)) : undefined
  }
}

test('whatever fails, each message ends once, with its effects or without, and the worker is whole again', async () => {
  for (const seed of SEEDS) {
    const random = dice(seed)
    const bench = await Workbench.create()
    const settings = { ...DEFAULT_QUEUE, maxLapses: 1_000, keep: { ...DEFAULT_QUEUE.keep, acked: true, endedMs: 1e9 } }
    await bench.commit({ do: 'configure', queue: 'inbox', settings })
    bench.hints = seed % 3 !== 0
    bench.processes = seed % 2 === 0 ? 'many' : 'one'
    let storm = true
    bench.fault = (): Fault | null => {
      const roll = storm ? random() : 1
      return roll < 0.1 ? 'before' : roll < 0.2 ? 'after' : null
    }
    const worker = bench.worker([
      {
        queue: 'inbox',
        concurrency: 4,
        timeoutMs: 40_000,
        retry: { attempts: 50, backoff: { kind: 'fixed', baseMs: 200, capMs: 200, factor: 1, jitter: 'none' } },
        run: wildHandler(bench, random),
      },
    ])
    const ids: string[] = []
    for (let sent = 0; sent < MESSAGES; sent++) ids.push(await bench.send('inbox'))
    for (let round = 0; round < 6; round++) {
      await worker.start()
      await bench.advance(Math.floor(random() * 60_000))
      const stopped = worker.stop({ grace: random() < 0.5 ? 0 : '5s' })
      await bench.advance(11_000)
      await stopped
    }
    storm = false
    await worker.start()
    const ends = [...(await bench.engine.find(ids.map((id) => ({ queue: 'inbox', id }))))]
    for (
      let hour = 0;
      hour < 50 && ends.some((stored) => stored?.state !== 'acked' && stored?.state !== 'dead');
      hour++
    ) {
      await bench.advance(100_000)
      ends.splice(0, MESSAGES, ...(await bench.engine.find(ids.map((id) => ({ queue: 'inbox', id })))))
    }
    const effects = await bench.engine.get(ids.map((id) => `effect/${id}`))
    ends.forEach((stored, at) => {
      ok(
        stored !== null && (stored.state === 'acked' || stored.state === 'dead'),
        `seed ${seed}: message ${at} is ${stored?.state}`,
      )
      equal(effects[at] !== null, stored.state === 'acked', `seed ${seed}: message ${at} is ${stored.state}`)
    })
    deepEqual(bench.events.refused, [], `seed ${seed}`)
    equal(worker.inFlight, 0, `seed ${seed}`)
    await worker.stop()
  }
})
