// Power cuts: random work on a simulated disk that is switched off before a random change to it, what was not synced dropped,
// torn or reordered, again and again on the same disk. Now and then it is a kill, a close, or a cut in the middle of an open.

import { FaultDisk, seeded } from '../../src/engine/file/disk/fault-disk.ts'
import { Bench, drawCut, drawLimits, untilOff } from './disk.ts'
import { History } from './history.ts'
import { look } from './look.ts'
import type { Counts } from './round.ts'
import { prepare, repeat, work } from './work.ts'

const LIVES = 10

/** One disk, ten lives. @throws Error where something confirmed is gone, or something is there in part or twice */
export async function cutRound(seed: number, counts: Counts): Promise<void> {
  const random = seeded(seed)
  const disk = new FaultDisk({ seed, syncTurns: seed % 4 })
  const durability = random() < 0.85 ? 'disk' : 'os'
  const bench = new Bench(disk, random, { logLimits: drawLimits(random), durability })
  const history = new History()
  const first = await bench.open()
  await prepare(first)
  await first.close()
  let isDurable = true
  for (let life = 0; life < LIVES; life++) {
    const leaving = random()
    const isCut = leaving < 0.8
    if (isCut) disk.switchOffAt(disk.steps + Math.floor(random() ** 2 * 160))
    const living = live(bench, history, isDurable, random, counts)
    // What fails because the power is off is not a finding.
    const found = living.catch((error: unknown) => {
      if (disk.steps < disk.offAt) throw error
    })
    await Promise.race([untilOff(disk, living), found])
    history.crash()
    if (isCut) {
      disk.powerCut(drawCut(random))
      counts.add('power cuts')
    } else {
      disk.kill()
      counts.add('kills')
    }
    // What is confirmed at `os` survives the process; it is not said to survive the power.
    isDurable = durability === 'disk' || !isCut
    await found
  }
  const engine = await bench.open()
  await look(engine, history, isDurable)
  await engine.close()
  counts.add('commits confirmed', history.confirmed)
}

async function live(
  bench: Bench,
  history: History,
  isDurable: boolean,
  random: () => number,
  counts: Counts,
): Promise<void> {
  const engine = await bench.open()
  await look(engine, history, isDurable)
  counts.add('commits sent again', await repeat(engine, history))
  await work(engine, history, {
    random,
    uuid: () => bench.ids.uuid(),
    commits: 5 + Math.floor(random() * 40),
    advance: (ms) => bench.clock.advance(ms),
  })
  if (random() < 0.3) await engine.close()
}
