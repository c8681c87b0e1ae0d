// The ledger over a log that is an array: what is decided is recorded, killed or cut off, replayed, and held against the laws and the
// oracle. Checkpoints are taken part by part while commits go on, so that every replay starts from a fuzzy one.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Clock } from '../../core/clock.ts'
import { ManualClock } from '../../core/clock.ts'
import type { Durability, Engine } from '../../core/engine.ts'
import { createIds } from '../../core/id.ts'
import type { Message } from '../../core/message.ts'
import { formatReport, runKit, type Storage, type Subject } from '../../conformance/index.ts'
import { sequenceOf } from '../../../test/conformance/arbitrary.ts'
import { agree } from '../../../test/conformance/property.ts'
import { LedgerEngine } from './engine.ts'
import { READY, type Entries } from './entries.ts'
import { Snapshot } from './snapshot.ts'
import { LedgerState } from './state.ts'
import type { Blocks, Store, StoreListener } from './store.ts'

type Content = Message | Uint8Array
type Call = { readonly method: keyof Entries; readonly args: readonly unknown[] } | { readonly block: number; readonly content: Content }
interface Frame {
  readonly number: number
  readonly calls: Call[]
  readonly engineAt: number
  readonly wallAt: number
}
interface Checkpoint {
  readonly from: number
  readonly parts: { readonly name: string; readonly frame: number; readonly bytes: Uint8Array }[]
}

/** What survives: frames written, how many of them are synced, and the last whole checkpoint. */
class Disk {
  frames: Frame[] = []
  synced = 0
  checkpoint: Checkpoint | null = null
  /** When it was left in good order. */
  closed: Pick<Frame, 'engineAt' | 'wallAt'> | null = null

  get written(): number {
    return this.frames.at(-1)?.number ?? 0
  }
}

class RecordedStore implements Store {
  readonly engine = 'recorded'
  readonly durability: readonly Durability[] = ['os', 'disk']
  readonly entries: Entries
  readonly blocks: RecordedBlocks
  frame: number
  isDead = false
  readonly #disk: Disk
  readonly #clock: Clock
  #calls: Call[] = []
  #listener: StoreListener | null = null
  #isSyncing = false
  #isWanted = false
  #checkpoint: (Checkpoint & { left: string[] }) | null = null
  snapshot: Snapshot | null = null

  constructor(disk: Disk, clock: Clock, isCold: boolean) {
    this.#disk = disk
    this.#clock = clock
    this.frame = disk.written + 1
    this.blocks = new RecordedBlocks((call) => this.#calls.push(call), isCold)
    this.entries = new Proxy({} as Entries, {
      get: (_, method: keyof Entries) => (...args: unknown[]) => void this.#calls.push({ method, args: structuredClone(args) }),
    })
  }

  reached(level: Durability): number {
    return level === 'os' ? this.#disk.written : this.#disk.synced
  }

  attach(listener: StoreListener): void {
    this.#listener = listener
  }

  sync(): void {
    ok(this.#calls.length > 0, 'what is to be synced is in the open frame')
    this.#isWanted = true
    if (!this.#isSyncing) this.#syncSoon()
  }

  #syncSoon(): void {
    this.#isSyncing = true
    setImmediate(() => {
      if (this.isDead) return
      this.#isWanted = false
      this.write()
      const frame = this.#disk.written
      this.#listener!.reached('os', frame)
      setImmediate(() => {
        if (this.isDead) return
        this.#isSyncing = false
        this.#disk.synced = frame
        this.#listener!.reached('disk', frame)
        if (this.#isWanted) this.#syncSoon()
        this.checkpointStep()
      })
    })
  }

  write(): void {
    if (this.#calls.length === 0 || this.isDead) return
    this.#disk.frames.push({ number: this.frame++, calls: this.#calls, engineAt: this.#listener!.now(), wallAt: this.#clock.wallMs() })
    this.#calls = []
  }

  refusal(): null {
    return null
  }

  abandon(): void {
    this.isDead = true
  }

  async close(): Promise<void> {
    this.write()
    this.#disk.synced = this.#disk.written
    this.#disk.closed = { engineAt: this.#listener!.now(), wallAt: this.#clock.wallMs() }
    this.#listener!.reached('disk', this.#disk.synced)
    this.isDead = true
  }

  /** Copies one or two parts of a checkpoint, or begins one, or installs it. */
  checkpointStep(): void {
    this.write()
    const under = this.#checkpoint
    if (under === null) {
      this.#checkpoint = { from: this.#disk.written, parts: [], left: [...this.snapshot!.parts()] }
      return
    }
    for (const name of under.left.splice(0, 2)) {
      const bytes = this.snapshot!.copy(name)
      if (bytes !== null) under.parts.push({ name, frame: this.#disk.written, bytes })
    }
    if (under.left.length > 0 || (under.parts.at(-1)?.frame ?? 0) > this.#disk.synced) return
    this.#disk.checkpoint = under
    this.#checkpoint = null
  }
}

class RecordedBlocks implements Blocks {
  readonly table = new Map<number, Content>()
  readonly #record: (call: Call) => void
  readonly #isCold: boolean
  #free: number[] = []

  constructor(record: (call: Call) => void, isCold: boolean) {
    this.#record = record
    this.#isCold = isCold
  }

  addMessage(message: Message): number {
    return this.#add(message)
  }

  addBytes(bytes: Uint8Array): number {
    return this.#add(bytes)
  }

  readMessage(block: number): Message | Promise<Message> {
    return this.#read(block) as Message | Promise<Message>
  }

  readBytes(block: number): Uint8Array | Promise<Uint8Array> {
    return this.#read(block) as Uint8Array | Promise<Uint8Array>
  }

  release(block: number): void {
    ok(this.table.delete(block), `block ${block} is released once`)
    this.#free.push(block)
  }

  keepOnly(isUsed: (block: number) => boolean): void {
    this.#free = []
    for (let block = Math.max(0, ...this.table.keys()); block > 0; block--) {
      if (!this.table.has(block) || !isUsed(block)) {
        this.table.delete(block)
        this.#free.push(block)
      }
    }
  }

  #add(content: Content): number {
    const block = this.#free.pop() ?? this.table.size + 1
    this.table.set(block, content)
    this.#record({ block, content })
    return block
  }

  #read(block: number): Content | Promise<Content> {
    const content = this.table.get(block)
    ok(content !== undefined, `block ${block} is there`)
    return this.#isCold && block % 2 === 0 ? new Promise((resolve) => setImmediate(() => resolve(content))) : content
  }
}

/** Every replay is done twice: from the checkpoint, and from the first frame. Both must give the same state. */
function replay(disk: Disk, checkpoint: Checkpoint | null): { readonly state: LedgerState; readonly snapshot: Snapshot; readonly blocks: Map<number, Content> } {
  const state = new LedgerState()
  const snapshot = new Snapshot(state)
  const blocks = new Map<number, Content>()
  for (const { name, frame, bytes } of checkpoint?.parts ?? []) snapshot.load(name, frame, bytes)
  for (const { number, calls } of disk.frames) {
    const entries = snapshot.replay(number)
    for (const call of calls) {
      if ('block' in call) blocks.set(call.block, call.content)
      else if (number > (checkpoint?.from ?? 0)) (entries[call.method] as (...args: readonly unknown[]) => void)(...(structuredClone(call.args) as never[]))
    }
  }
  snapshot.finish()
  return { state, snapshot, blocks }
}

function recorded(isCold: boolean): Subject {
  return {
    name: 'recorded',
    create(): Storage {
      const disk = new Disk()
      let store: RecordedStore | null = null
      return {
        async open({ clock }): Promise<Engine> {
          const { state, snapshot, blocks } = replay(disk, disk.checkpoint)
          const now = disk.frames.at(-1)?.engineAt ?? 0
          if (disk.checkpoint !== null) deepEqual(dump(state, now), dump(replay(disk, null).state, now))
          store = new RecordedStore(disk, clock, isCold)
          store.snapshot = snapshot
          for (const [block, content] of blocks) store.blocks.table.set(block, content)
          const last = disk.closed ?? disk.frames.at(-1)
          disk.closed = null
          const openedAt = last === undefined ? clock.wallMs() : last.engineAt + Math.max(0, clock.wallMs() - last.wallAt)
          const engine = new LedgerEngine({ state, store, clock, ids: createIds(clock), openedAt })
          await engine.opened()
          return engine
        },
        faults: {
          kill: () => {
            store!.isDead = true
          },
          powerCut: () => {
            store!.isDead = true
            disk.frames = disk.frames.filter(({ number }) => number <= disk.synced)
          },
        },
      }
    },
  }
}

/** What of a state must be the same however it came about. */
function dump(state: LedgerState, now: number): unknown {
  const current = (table: LedgerState['commits']) => new Map([...table.pages.values()].flat().filter(({ until }) => until > now).map((item) => [item.text, item]))
  const { slots } = state.messages
  const messages = []
  for (let slot = 1; slot <= slots.high; slot++) {
    const chunk = slots.of(slot)
    const row = slot & 16_383
    if (chunk.state[row] === 0) continue
    const columns = chunk.stored().map((column) => (column === chunk.due && chunk.state[row] === READY ? 0 : column[row]))
    messages.push([slot, ...columns, chunk.expires?.get(row), chunk.reason?.get(row), chunk.about?.get(row), chunk.history?.get(row)])
  }
  return {
    counters: [state.era, state.version, state.position, state.turn],
    messages,
    queues: [...state.queues].map((queue) => [queue.row(), queue.nextSeq, [...queue.totals], [...queue.counts], queue.bytes]),
    records: [...state.records.rows],
    texts: [...state.records.from('')],
    topics: [...state.topics].map((topic) => [topic.row(), [...(topic.log?.after(0) ?? [])], topic.lagging.size]),
    subscriptions: [...state.subscriptions].map(({ row, gaps }) => [row, gaps]),
    commits: current(state.commits),
    dedupe: current(state.dedupe),
  }
}

for (const isCold of [false, true]) {
  test(`the ledger keeps every law over kills and power cuts, contents ${isCold ? 'far away' : 'at hand'}`, async () => {
    const report = await runKit(recorded(isCold))
    const failed = report.outcomes.filter(({ status }) => status === 'failed')
    equal(failed.length, 0, formatReport(report))
  })
}

test('the ledger and the oracle agree on random sequences with kills and power cuts', async (context) => {
  const runs = Number(process.env['POSTHORN_LEDGER_RUNS'] ?? 300)
  const seed = Number(process.env['POSTHORN_SEED'] ?? Date.now() % 2 ** 31)
  const property = fc.asyncProperty(sequenceOf(['close', 'kill', 'power-cut'], ['os', 'disk']), (commands) => agree(recorded(false), commands, 'deliver'))
  const details = await fc.check(property, { numRuns: runs, seed })
  context.diagnostic(`POSTHORN_SEED=${seed}`)
  const found = details.counterexample?.[0].map((command) => JSON.stringify(command)).join('\n')
  ok(!details.failed, `POSTHORN_SEED=${seed}\n${found}\n${String(details.errorInstance)}`)
})

test('an engine of which the store fails says so and answers nothing more', async () => {
  const clock = new ManualClock()
  const store = new RecordedStore(new Disk(), clock, false)
  const state = new LedgerState()
  store.snapshot = new Snapshot(state)
  store.snapshot.finish()
  let listener: StoreListener | null = null
  store.attach = (given) => void (listener = given)
  store.sync = () => {}
  const engine = new LedgerEngine({ state, store, clock, ids: createIds(clock), openedAt: clock.wallMs() })
  const message = { id: '00000000-0000-7000-8000-000000000001', event: { id: '1', source: '/', type: 'x' }, body: new Uint8Array(), priority: 4 }
  const lost = engine.commit([{ changes: [{ do: 'send', queue: 'q', message }] }])
  listener!.failed(new Error('no disk'))
  await lost.then(() => ok(false), (error) => equal(error.code, 'unknown'))
  await engine.depth('all').then(() => ok(false), (error) => equal(error.code, 'engine-failed'))
})
