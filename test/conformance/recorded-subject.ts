// The ledger over a log that is an array, as a subject of the kit: what is decided is recorded, killed or cut off, and replayed. Checkpoints are
// taken part by part while commits go on, so that every replay starts from a fuzzy one, and must give the same as one from the start.

import { deepEqual, ok } from 'node:assert/strict'
import type { Clock } from '../../src/core/clock.ts'
import type { Durability, Engine } from '../../src/core/engine.ts'
import { PosthornError } from '../../src/core/error.ts'
import { createIds } from '../../src/core/id.ts'
import type { Message } from '../../src/core/message.ts'
import type { Storage, Subject } from '../../src/conformance/index.ts'
import { LedgerEngine } from '../../src/engine/ledger/engine.ts'
import { READY, type Entries } from '../../src/engine/ledger/entries.ts'
import { LATE_COLUMNS } from '../../src/engine/ledger/state/slots.ts'
import { Snapshot } from '../../src/engine/ledger/snapshot/snapshot.ts'
import { LedgerState } from '../../src/engine/ledger/state/state.ts'
import type { Blocks, Store, StoreListener } from '../../src/engine/ledger/store.ts'

type Content = Message | Uint8Array
type Call =
  | { readonly method: keyof Entries; readonly args: readonly unknown[] }
  | { readonly block: number; readonly content: Content }
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
export class Disk {
  frames: Frame[] = []
  synced = 0
  checkpoint: Checkpoint | null = null
  /** When it was left in good order. */
  closed: Pick<Frame, 'engineAt' | 'wallAt'> | null = null

  get written(): number {
    return this.frames.at(-1)?.number ?? 0
  }
}

export class RecordedStore implements Store {
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
  #asked = 0
  #checkpoint: (Checkpoint & { left: string[] }) | null = null
  snapshot: Snapshot | null = null

  constructor(disk: Disk, clock: Clock, isCold: boolean) {
    this.#disk = disk
    this.#clock = clock
    this.frame = disk.written + 1
    this.blocks = new RecordedBlocks((call) => this.#calls.push(call), isCold)
    this.entries = new Proxy({} as Entries, {
      get:
        (_, method: keyof Entries) =>
        (...args: unknown[]) =>
          void this.#calls.push({ method, args: structuredClone(args) }),
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
    // As a log does whose frame has grown large: it is closed before anybody is told.
    if (++this.#asked % 2 === 0) this.write()
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
    this.#disk.frames.push({
      number: this.frame++,
      calls: this.#calls,
      engineAt: this.#listener!.now(),
      wallAt: this.#clock.wallMs(),
    })
    this.#calls = []
  }

  refusal(): null {
    return null
  }

  abandon(): void {
    this.isDead = true
  }

  /** As a disk that fails for good. */
  fail(error: Error): void {
    this.isDead = true
    this.#listener!.failed(error)
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
  readonly damaged = new Set<number>()
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
    if (this.damaged.has(block)) throw new PosthornError('corrupt', `block ${block} is damaged`)
    return this.#isCold && block % 2 === 0 ? new Promise((resolve) => setImmediate(() => resolve(content))) : content
  }
}

/** Every replay is done twice: from the checkpoint, and from the first frame. Both must give the same state. */
function replay(
  disk: Disk,
  checkpoint: Checkpoint | null,
): { readonly state: LedgerState; readonly snapshot: Snapshot; readonly blocks: Map<number, Content> } {
  const state = new LedgerState()
  const snapshot = new Snapshot(state)
  const blocks = new Map<number, Content>()
  for (const { name, frame, bytes } of checkpoint?.parts ?? []) snapshot.load(name, frame, bytes)
  for (const { number, calls } of disk.frames) {
    const entries = snapshot.replay(number)
    for (const call of calls) {
      if ('block' in call) blocks.set(call.block, call.content)
      else if (number > (checkpoint?.from ?? 0))
        (entries[call.method] as (...args: readonly unknown[]) => void)(...(structuredClone(call.args) as never[]))
    }
  }
  snapshot.finish()
  return { state, snapshot, blocks }
}

export function recorded(isCold: boolean): Subject {
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
          const openedAt =
            last === undefined ? clock.wallMs() : last.engineAt + Math.max(0, clock.wallMs() - last.wallAt)
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
  const current = (table: LedgerState['commits']) =>
    new Map(
      [...table.pages.values()]
        .flat()
        .filter(({ until }) => until > now)
        .map((item) => [item.text, item]),
    )
  const { slots } = state.messages
  const messages = []
  for (let slot = 1; slot <= slots.high; slot++) {
    const chunk = slots.of(slot)
    const row = slot & 16_383
    if (chunk.state[row] === 0) continue
    const columns = chunk
      .stored()
      .map((column) => (column === chunk.due && chunk.state[row] === READY ? 0 : column[row]))
    messages.push([
      slot,
      ...columns,
      ...LATE_COLUMNS.map((column) => chunk[column][row]),
      chunk.expires?.get(row),
      chunk.reason?.get(row),
      chunk.about?.get(row),
      chunk.history?.get(row),
    ])
  }
  return {
    counters: [state.era, state.version, state.position, state.turn],
    messages,
    queues: [...state.queues].map((queue) => [
      queue.row(),
      queue.nextSeq,
      [...queue.totals],
      [...queue.counts],
      queue.bytes,
    ]),
    records: [...state.records.rows],
    texts: [...state.records.from('')],
    topics: [...state.topics].map((topic) => [topic.row(), [...(topic.log?.after(0) ?? [])], topic.lagging.size]),
    subscriptions: [...state.subscriptions].map(({ row, gaps }) => [row, gaps]),
    commits: current(state.commits),
    dedupe: current(state.dedupe),
  }
}
