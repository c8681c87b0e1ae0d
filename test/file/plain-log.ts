// The log under a ledger that could not be simpler: numbered values that are put and removed. Tests of the file engine's parts build on it.
import { ManualClock } from '../../src/core/clock.ts'
import type { Measure } from '../../src/core/measure.ts'
import type { Entries, RecordRow } from '../../src/engine/ledger/entries.ts'
import type { Blocks, Checkpointed } from '../../src/engine/ledger/store.ts'
import { FaultDisk } from '../../src/engine/file/disk/fault-disk.ts'
import type { LogStore } from '../../src/engine/file/log/log-store.ts'
import { LOG_LIMITS, openLog, type LogLimits, type OpenedLog } from '../../src/engine/file/open-log.ts'

export const FOLDER = '/plain'
export const SMALL: LogLimits = {
  ...LOG_LIMITS,
  firstSegmentBytes: 2048,
  segmentBytes: 8192,
  keptSegments: 2,
  checkpointBytes: 6000,
  slackBytes: 16_384,
  arenaBytes: 2048,
  cacheBytes: 8192,
  minFreeBytes: 0,
  pauseMs: 0,
  busyShare: Infinity,
}

const PART = 8

/** Records by number; a value is a block. Its parts are ranges of numbers. */
export class PlainState implements Checkpointed {
  readonly rows: Map<number, { key: string; block: number }> = new Map()
  readonly #blocks: Blocks
  readonly #loadedTo = new Map<number, number>()
  replayedFrames = 0

  constructor(blocks: Blocks) {
    this.#blocks = blocks
  }

  parts(): readonly string[] {
    return [...new Set([...this.rows.keys()].map((number) => Math.floor(number / PART)))].map((part) => `rows/${part}`)
  }

  copy(part: string): Uint8Array | null {
    const number = Number(part.slice(5))
    const rows = [...this.rows].filter(([row]) => Math.floor(row / PART) === number)
    return rows.length === 0 ? null : new TextEncoder().encode(JSON.stringify(rows))
  }

  load(part: string, frame: number, bytes: Uint8Array): void {
    this.#loadedTo.set(Number(part.slice(5)), frame)
    for (const [number, row] of JSON.parse(new TextDecoder().decode(bytes)) as [
      number,
      { key: string; block: number },
    ][])
      this.rows.set(number, row)
  }

  replay(frame: number): Entries {
    this.replayedFrames++
    const isNew = (number: number): boolean => frame > (this.#loadedTo.get(Math.floor(number / PART)) ?? 0)
    const entries: Partial<Entries> = {
      recordPut: ({ record, key, block }: RecordRow) => void (isNew(record) && this.rows.set(record, { key, block })),
      recordRemoved: (record: number) => void (isNew(record) && this.rows.delete(record)),
    }
    return entries as Entries
  }

  finish(): void {
    const used = new Set([...this.rows.values()].map(({ block }) => block))
    this.#blocks.keepOnly((block) => used.has(block))
  }
}

export class PlainLog {
  readonly store: LogStore
  readonly state: PlainState
  readonly now: () => number
  readonly measure: () => readonly Measure[]
  failure: Error | null = null
  #waiting: { readonly frame: number; readonly promise: PromiseWithResolvers<void> }[] = []

  private constructor({ store, state, now, measure }: OpenedLog<PlainState>) {
    this.store = store
    this.state = state
    this.now = now
    this.measure = measure
    store.attach({
      reached: (level, frame) => {
        if (level !== store.durability.at(-1)) return
        for (const { promise } of this.#waiting.filter((waiting) => waiting.frame <= frame)) promise.resolve()
        this.#waiting = this.#waiting.filter((waiting) => waiting.frame > frame)
      },
      failed: (error) => {
        this.failure = error
        for (const { promise } of this.#waiting) promise.reject(error)
        this.#waiting = []
      },
      now,
    })
  }

  static async open(
    disk: FaultDisk,
    options: {
      readonly limits?: Partial<LogLimits>
      readonly durability?: 'os' | 'disk'
      readonly clock?: ManualClock
    } = {},
  ): Promise<PlainLog> {
    disk.makeFolder(FOLDER)
    const opened = await openLog(
      {
        disk: disk.session(),
        folder: FOLDER,
        clock: options.clock ?? new ManualClock(),
        durability: options.durability ?? 'disk',
        limits: { ...SMALL, ...options.limits },
      },
      (blocks) => new PlainState(blocks),
    )
    return new PlainLog(opened)
  }

  /** Puts and removes together, as one commit. Resolves when durable. */
  change(...changes: readonly { readonly number: number; readonly value: string | null }[]): Promise<void> {
    if (this.failure !== null) return Promise.reject(this.failure)
    for (const { number, value } of changes) this.#apply(number, value)
    const promise = Promise.withResolvers<void>()
    this.#waiting.push({ frame: this.store.frame, promise })
    this.store.sync()
    return promise.promise
  }

  put(number: number, value: string): Promise<void> {
    return this.change({ number, value })
  }

  remove(number: number): Promise<void> {
    return this.change({ number, value: null })
  }

  async contents(): Promise<Record<number, string>> {
    const read: [number, string][] = []
    for (const [number, { block }] of this.state.rows)
      read.push([number, new TextDecoder().decode(await this.store.blocks.readBytes(block))])
    return Object.fromEntries(read)
  }

  close(): Promise<void> {
    return this.store.close()
  }

  #apply(number: number, value: string | null): void {
    const { store, state } = this
    const old = state.rows.get(number)
    if (value === null) {
      store.entries.recordRemoved(number)
      state.rows.delete(number)
    } else {
      const block = store.blocks.addBytes(new TextEncoder().encode(value))
      const row = { key: `key ${number}`, block }
      store.entries.recordPut({ record: number, ...row, version: 1, expiresAt: null, aliases: [] })
      state.rows.set(number, row)
    }
    if (old !== undefined) store.blocks.release(old.block)
  }
}
