// confirmed-survives and all-or-nothing, below the ledger: whatever the moment of a crash, what is read afterwards is the result of the
// first k commits, and k is at least the last that was confirmed.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { FaultDisk, seeded, type PowerCut } from '../disk/fault-disk.ts'
import type { LogLimits } from '../open-log.ts'
import { FOLDER, PlainLog } from '../../../../test/file/plain-log.ts'
import { CHECKPOINT } from './checkpoint.ts'
import { seedOfRun } from '../../../../test/seed.ts'

interface Change {
  readonly number: number
  readonly value: string | null
}

type Crash = 'kill' | PowerCut

const CUTS: readonly PowerCut[] = [
  { unsynced: 'drop' },
  { unsynced: 'drop', names: 'keep' },
  { unsynced: 'tear', names: 'tear' },
  { unsynced: 'tear', sectorBytes: 4096, names: 'keep' },
]

/** Commits, how many of them were begun, and how many were confirmed. */
class History {
  readonly commits: (readonly Change[])[] = []
  confirmed = 0

  async run(log: PlainLog, commit: readonly Change[]): Promise<void> {
    this.commits.push(commit)
    const count = this.commits.length
    await log.change(...commit)
    this.confirmed = Math.max(this.confirmed, count)
  }

  /** In the midst of work all that was decided is seen. */
  async compare(log: PlainLog): Promise<void> {
    const state: Record<number, string> = {}
    for (const commit of this.commits) apply(state, commit)
    deepEqual(await log.contents(), state)
  }

  /** After a crash: finds how many commits survived, and forgets the others. */
  settle(contents: Record<number, string>): void {
    const found = JSON.stringify(contents)
    const state: Record<number, string> = {}
    for (let count = 0; count <= this.commits.length; count++) {
      if (count > 0) apply(state, this.commits[count - 1]!)
      if (count < this.confirmed || JSON.stringify(state) !== found) continue
      this.commits.length = this.confirmed = count
      return
    }
    throw new Error(
      `what was read is no result of the first ${this.confirmed} to ${this.commits.length} commits: ${found.slice(0, 300)}`,
    )
  }
}

function apply(state: Record<number, string>, commit: readonly Change[]): void {
  for (const { number, value } of commit) {
    if (value === null) delete state[number]
    else state[number] = value
  }
}

function script(seed: number, length: number): (readonly Change[])[] {
  const random = seeded(seed)
  return Array.from({ length }, (_, index) =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
      number: 1 + Math.floor(random() * 40),
      value: random() < 0.3 ? null : `${index} `.repeat(1 + Math.floor(random() * (random() < 0.05 ? 1200 : 60))),
    })),
  )
}

/** Runs commits until the disk fails: some wait for those before, some overlap them; some frames are only written. */
async function work(
  disk: FaultDisk,
  history: History,
  commits: readonly (readonly Change[])[],
  limits: Partial<LogLimits>,
  close: boolean,
): Promise<void> {
  const random = seeded(commits.length)
  try {
    const log = await PlainLog.open(disk, { limits })
    history.settle(await log.contents())
    const pending: Promise<void>[] = []
    for (const commit of commits) {
      const running = history.run(log, commit)
      running.catch(() => {})
      pending.push(running)
      const how = random()
      if (how < 0.2) log.store.write()
      if (how < 0.4) await nextTurn()
      else if (how < 0.6) await Promise.all(pending)
      if (log.failure !== null) break
      if (how > 0.95) await history.compare(log)
    }
    await Promise.all(pending)
    if (close) await log.close()
  } catch (error) {
    if (disk.steps < disk.offAt) throw error
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

async function crash(disk: FaultDisk, how: Crash): Promise<void> {
  if (how === 'kill') disk.kill()
  else disk.powerCut(how)
}

/** A sync begins while another is under way. */
const EARLY: Partial<LogLimits> = { earlyCommits: 2, strideBytes: 700 }

test('power may be cut before every change to the disk', async () => {
  const commits = script(7, 30)
  const counting = new FaultDisk({ syncTurns: 1 })
  await work(counting, new History(), commits, EARLY, true)
  let cases = 0
  for (const cut of CUTS) {
    for (let step = 0; step <= counting.steps; step++, cases++) {
      const disk = new FaultDisk({ seed: step, syncTurns: 1 })
      const history = new History()
      try {
        disk.switchOffAt(step)
        await work(disk, history, commits, EARLY, true)
        await crash(disk, cut)
        await work(disk, history, script(step, 4), EARLY, false)
        await crash(disk, cut)
        await work(disk, history, [], EARLY, true)
      } catch (error) {
        throw new Error(`power cut before step ${step}, ${JSON.stringify(cut)}`, { cause: error })
      }
    }
  }
  ok(cases > 200)
})

test('random work, random crashes, again and again on the same disk', async (t) => {
  const first = seedOfRun()
  const count = Number(process.env['POSTHORN_RUNS'] ?? 60)
  t.diagnostic(`seeds ${first} to ${first + count - 1} (POSTHORN_SEED, POSTHORN_RUNS)`)
  for (let seed = first; seed < first + count; seed++) {
    const random = seeded(seed)
    const disk = new FaultDisk({ seed, syncTurns: seed % 4 })
    const history = new History()
    const limits: Partial<LogLimits> = {
      cacheBytes: random() < 0.5 ? 1 : 1 << 16,
      slackBytes: 4096,
      checkpointBytes: 1000 + Math.floor(random() * 12_000),
      keptSegments: Math.floor(random() * 3),
      earlyCommits: 1 + Math.floor(random() * 4),
      strideBytes: seed % 2 === 0 ? 700 : 1 << 18,
    }
    try {
      for (let life = 0; life < 12; life++) {
        if (random() < 0.8) disk.switchOffAt(disk.steps + Math.floor(random() * 150))
        await work(disk, history, script(seed * 100 + life, Math.floor(random() * 40)), limits, random() < 0.5)
        await crash(disk, random() < 0.4 ? 'kill' : CUTS[Math.floor(random() * CUTS.length)]!)
      }
      await work(disk, history, [], limits, true)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
})

test('what a failed sync lost, and the system shows all the same, is written anew by the next open', async () => {
  const disk = new FaultDisk()
  const first = await PlainLog.open(disk)
  await first.put(1, 'durable')
  disk.failNext({ operation: 'sync', code: 'EIO', lasting: false })
  await rejects(first.put(2, 'shown, and not durable'))
  disk.kill()
  const second = await PlainLog.open(disk)
  const seen = await second.contents()
  deepEqual(Object.keys(seen), ['1', '2'])
  await second.put(3, 'confirmed')
  disk.powerCut()
  const third = await PlainLog.open(disk)
  deepEqual(await third.contents(), { ...seen, 3: 'confirmed' })
  await third.close()
})

test('a segment that the next sync asks for is not given back before it', async () => {
  const disk = new FaultDisk({ syncTurns: 1 })
  const log = await PlainLog.open(disk, { limits: { keptSegments: 0, checkpointBytes: 3000 } })
  // Else it is an empty frame that asks for that sync.
  log.store.mark = () => {}
  for (let number = 0; number < 200; number++) {
    await log.put(1, 'x'.repeat(300))
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
  }
  equal(log.failure, null)
  await log.close()
})

test('a checkpoint takes the place of the one before beside the event loop, which would wait while that is freed', async (t) => {
  const disk = new FaultDisk()
  const session = disk.session()
  const soon = t.mock.method(session, 'renameSoon')
  t.mock.method(disk, 'session', () => session)
  const log = await PlainLog.open(disk)
  await log.put(1, 'x')
  await log.close()
  deepEqual(
    soon.mock.calls.map(({ arguments: [, to] }) => to),
    [join(FOLDER, CHECKPOINT)],
  )
})
