/**
 * The progress that a running handler reports: put into the operation's record at most once a second, on its own and not with
 * the outcome. The version fences: a run that lost its message can neither hide its successor's progress nor undo an end.
 */
import type { Clock } from '../core/clock.ts'
import { DEFAULTS } from '../core/default.ts'
import type { Ledger, Records, Version } from '../core/engine.ts'
import { PosthornError, toText } from '../core/error.ts'
import type { StoredMessage } from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import type { Log } from '../runtime/log.ts'
import { operationKey } from './address.ts'
import type { Progress } from './operation.ts'
import { fromRecord, identityOf, isDone, toRecordValue, type OperationSnapshot } from './snapshot.ts'

const INTERVAL_MS = 1_000

export interface ProgressDeps {
  readonly engine: Pick<Ledger, 'commit'> & Pick<Records, 'get'>
  readonly clock: Clock
}

export class ProgressReport {
  readonly #deps: ProgressDeps
  readonly #stored: StoredMessage
  readonly #log: Log
  readonly #startedAt: number
  readonly #isRunOver: () => boolean
  #over = false
  #latest: Progress | null = null
  #timer: Disposable | null = null
  #writing = false
  #nextMs = 0
  /** Of the record as this run knows it; undefined: not looked yet. */
  #version: Version | null | undefined = undefined

  /** `isRunOver`: whether the run's outcome is known, so that nothing is written any more. */
  constructor(deps: ProgressDeps, stored: StoredMessage, log: Log, startedAt: number, isRunOver: () => boolean) {
    this.#deps = deps
    this.#stored = stored
    this.#log = log
    this.#startedAt = startedAt
    this.#isRunOver = isRunOver
  }

  /** @throws PosthornError `invalid-option` */
  report(fraction: number, note?: string): void {
    if (typeof fraction !== 'number' || !(fraction >= 0 && fraction <= 1)) {
      throw new PosthornError('invalid-option', `progress is ${String(fraction)}: it must be a number from 0 to 1`, {
        details: { field: 'progress', value: fraction },
      })
    }
    this.#latest = { fraction, ...(note === undefined ? {} : { note: toText(note).slice(0, 500) }) }
    this.#plan()
  }

  /** Nothing is written any more. */
  end(): void {
    this.#over = true
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
  }

  get #isOver(): boolean {
    return this.#over || this.#isRunOver()
  }

  #plan(): void {
    if (this.#isOver || this.#writing || this.#timer !== null || this.#latest === null) return
    const waitMs = this.#nextMs - this.#deps.clock.monotonicMs()
    if (waitMs <= 0) return void this.#write()
    this.#timer = this.#deps.clock.timer(waitMs, () => {
      this.#timer = null
      if (!this.#isOver) void this.#write()
    })
  }

  async #write(): Promise<void> {
    const progress = this.#latest!
    this.#latest = null
    this.#writing = true
    this.#nextMs = this.#deps.clock.monotonicMs() + INTERVAL_MS
    try {
      if (!(await this.#put(progress))) this.end()
    } catch (error) {
      // Progress is for looking at: the run itself neither waits for it nor fails with it.
      this.#log.debug('progress could not be written', { error })
    }
    this.#writing = false
    this.#plan()
  }

  /** Whether this run still is the one that reports. */
  async #put(progress: Progress): Promise<boolean> {
    const { engine, clock } = this.#deps
    const key = operationKey(this.#stored.id)
    if (this.#version === undefined) {
      const [record = null] = await engine.get([key])
      if (this.#isOver || (record !== null && this.#isEndedBy(record))) return false
      this.#version = record?.version ?? null
    }
    const value = toRecordValue(this.#running(progress))
    const expiresAt = clock.wallMs() + DEFAULTS.operationKeptMs
    const [result] = await engine.commit([
      { changes: [{ do: 'put', key, value, ifVersion: this.#version, expiresAt }] },
    ])
    if (result?.status !== 'committed') return false
    const put = result.results[0]
    if (put && 'version' in put) this.#version = put.version
    return true
  }

  /** Whether the record tells of the end of this very run, or of a later one; that of a dead letter redriven since then does not. */
  #isEndedBy(record: StoredRecord): boolean {
    const kept = fromRecord(record)
    return 'erased' in kept || (isDone(kept) && (kept.endedAt ?? 0) >= this.#startedAt)
  }

  #running(progress: Progress): OperationSnapshot {
    const { acquired, sentAt } = this.#stored
    return {
      ...identityOf(this.#stored),
      status: 'running',
      progress,
      attempts: acquired,
      createdAt: sentAt,
      startedAt: this.#startedAt,
    }
  }
}
