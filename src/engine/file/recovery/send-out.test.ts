// nothing-early: what is handed out unasked is not given before it survives power loss, wherever the cut falls between hand-out and sync.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import type { Delivery, Engine, RoomFor } from '../../../core/engine.ts'
import { createIds } from '../../../core/id.ts'
import { FaultDisk, type PowerCut } from '../disk/fault-disk.ts'
import { openFileEngine, type FileEngine } from '../engine.ts'

const FOLDER = '/engine'
const QUEUE = 'inbox'
const CUTS: readonly (PowerCut | 'kill')[] = [
  'kill',
  { unsynced: 'drop' },
  { unsynced: 'drop', names: 'keep' },
  { unsynced: 'tear', names: 'tear' },
]
/** Of the disk, in which the work ends at the latest. */
const STEPS = 60

test('what was given unasked is there after a crash at any step, and so is what was handed out and not given', async () => {
  let [given, lost, left] = [0, 0, 0]
  for (const cut of CUTS) {
    for (let step = 1; step <= STEPS; step++) {
      const disk = new FaultDisk({ seed: step, syncTurns: 2 })
      disk.switchOffAt(step)
      const work = new Work(disk)
      await work.run().catch((error: unknown) => {
        if (disk.steps < disk.offAt) throw error
      })
      if (cut === 'kill') disk.kill()
      else disk.powerCut(cut)
      const engine = await openFileEngine(FOLDER, { disk, clock: work.clock })
      const found = await find(engine, work.sent)
      for (const id of work.confirmed) ok(found.has(id) || work.acked.has(id), `step ${step}: a confirmed send is lost`)
      for (const id of work.given) ok(found.has(id) || work.acked.has(id), `step ${step}: what was given is lost`)
      // What is left is ready at once: nobody holds it any more.
      const wants = [{ queue: QUEUE, max: 1_000 }]
      const { deliveries } = await engine.lease({ id: 'l', worker: 'w', holder: 'process', leaseMs: 1_000, wants })
      deepEqual(
        deliveries.map(({ stored }) => stored.id),
        work.sent.filter((id) => found.has(id)),
      )
      given += work.given.size
      lost += work.sent.length - found.size - work.acked.size
      left += deliveries.filter(({ stored: { id, acquired } }) => acquired === 2 && !work.given.has(id)).length
      await engine.close()
    }
  }
  ok(given > 0 && lost > 0 && left > 0, `${given} given, ${lost} lost before, ${left} handed out and never given`)
})

test('a sync that fails gives nothing to anybody', async () => {
  const disk = new FaultDisk()
  const work = new Work(disk)
  const engine = await work.open()
  await work.send(engine)
  equal(work.given.size, 1)
  disk.failNext({ operation: 'sync', code: 'EIO' })
  await work.send(engine).catch(() => {})
  deepEqual([work.given.size, work.unfilled], [1, 0])
  await engine.close().catch(() => {})
})

class Work {
  readonly clock = new ManualClock()
  readonly sent: string[] = []
  readonly confirmed = new Set<string>()
  readonly given = new Set<string>()
  /** As far as anybody knows: the answer may have been lost. */
  readonly acked = new Set<string>()
  unfilled = 0
  readonly #disk: FaultDisk
  readonly #ids = createIds(this.clock)
  #deliveries: Delivery[] = []

  constructor(disk: FaultDisk) {
    this.#disk = disk
  }

  async open(): Promise<FileEngine> {
    const engine = await openFileEngine(FOLDER, { disk: this.#disk, clock: this.clock })
    const roomFor: RoomFor = (_, most) => {
      this.unfilled++
      return { count: most, leaseMs: 60_000, holder: 'process', filled: (deliveries) => this.#fill(deliveries) }
    }
    engine.watch({ queues: [QUEUE] }, () => {}, roomFor)
    return engine
  }

  /** One after the other, or together; each third of what is given is acked. */
  async run(): Promise<void> {
    const engine = await this.open()
    for (let round = 0; round < 8; round++) {
      await Promise.all(Array.from({ length: 1 + (round % 3) }, () => this.send(engine)))
      for (const { token, stored } of this.#deliveries.splice(0).filter((_, at) => at % 3 === 2)) {
        this.acked.add(stored.id)
        await engine.commit([{ changes: [{ do: 'ack', token }] }])
      }
    }
    await engine.close()
  }

  async send(engine: Engine): Promise<void> {
    const id = this.#ids.uuid()
    this.sent.push(id)
    const message = { id, event: { id, source: '/', type: 'x' }, body: Buffer.from(id), priority: 4 }
    await engine.commit([{ changes: [{ do: 'send', queue: QUEUE, message }] }])
    this.confirmed.add(id)
  }

  #fill(deliveries: readonly Delivery[]): void {
    this.unfilled--
    this.#deliveries.push(...deliveries)
    for (const { stored } of deliveries) this.given.add(stored.id)
  }
}

async function find(engine: Engine, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await engine.find(ids.map((id) => ({ queue: QUEUE, id })))
  return new Set(ids.filter((_, at) => found[at] !== null))
}
