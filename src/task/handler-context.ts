/**
 * The context of one run. What not every handler asks for is made when it is asked for; its functions are got as properties, so
 * that a handler may take the context apart.
 */
import { parseDuration } from '../core/duration.ts'
import type { Records } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes, type Json } from '../core/json.ts'
import type { Message } from '../core/message.ts'
import type { Run } from '../delivery/binding.ts'
import { bury, cancel, fail, retry, snooze, type Outcome as RunOutcome } from '../delivery/outcome.ts'
import { ProgressReport, type ProgressDeps } from '../operation/index.ts'
import { checkRecordKey } from '../record/index.ts'
import type { Log } from '../runtime/log.ts'
import type { Composer } from './compose.ts'
import type { Context, Outcome } from './context.ts'
import type { Definition } from './definition.ts'
import { holdPublish, holdPut, holdRemove, holdSend, EffectLine, type Holder } from './effects.ts'

export interface ContextDeps extends ProgressDeps {
  readonly engine: ProgressDeps['engine'] & Pick<Records, 'get'>
  readonly composer: Composer
}

/** The transaction that a run is in. */
export interface Within {
  readonly transaction: unknown
  /** Whatever is asked of the engine waits until it ends. */
  readonly isExclusive: boolean
}

type Errors = Readonly<Record<string, unknown>>
type Part<Name extends keyof Context<Errors>> = Context<Errors>[Name]

export class HandlerContext implements Context<Errors>, Holder {
  readonly composer: Composer
  readonly clock: ContextDeps['clock']
  /** Wall time. Only operations tell it. */
  readonly startedAt: number
  readonly tx: never
  readonly #deps: ContextDeps
  readonly #definition: Definition
  readonly #run: Run
  readonly #isExclusive: boolean
  #line: EffectLine | null = null
  #progress: ProgressReport | null = null
  #ended = false

  constructor(deps: ContextDeps, definition: Definition, run: Run, within: Within | null) {
    this.composer = deps.composer
    this.clock = deps.clock
    this.startedAt = definition.kind === 'task' ? deps.clock.wallMs() : 0
    this.tx = within?.transaction as never
    this.#deps = deps
    this.#definition = definition
    this.#run = run
    this.#isExclusive = within?.isExclusive ?? false
  }

  get id(): string {
    return this.#run.id
  }

  get attempt(): number {
    return this.#run.attempt
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  get message(): Message {
    return this.#run.delivery.stored.message
  }

  get cause(): Message {
    return this.message
  }

  get line(): EffectLine {
    return (this.#line ??= new EffectLine((change) => this.#run.hold(change)))
  }

  get log(): Log {
    return this.#run.log
  }

  get send(): Part<'send'> {
    return (to, ...[input, options]) => holdSend(this, to, input, options)
  }

  get publish(): Part<'publish'> {
    return (topic, type, data, options) => holdPublish(this, topic, type, data, options)
  }

  get put(): Part<'put'> {
    return (key, value, options) => holdPut(this, key, value, options)
  }

  get remove(): Part<'remove'> {
    return (key, options) => holdRemove(this, key, options)
  }

  get get(): Part<'get'> {
    return async (key) => {
      checkRecordKey(key)
      if (this.#isExclusive)
        throw new PosthornError(
          'would-wait',
          'ctx.get would wait for the transaction that it is called in, which keeps all others from the database file: read what is needed in the transaction itself, or before',
        )
      const [record = null] = await this.#deps.engine.get([key])
      return record === null ? undefined : { value: fromJsonBytes(record.value) as Json, version: record.version }
    }
  }

  get progress(): Part<'progress'> {
    return (fraction, note) => {
      if (this.#definition.kind !== 'task') return
      const run = this.#run
      const isOver = () => this.#ended || run.over
      this.#progress ??= new ProgressReport(this.#deps, run.delivery.stored, run.log, this.startedAt, isOver)
      this.#progress.report(fraction, note)
    }
  }

  get retry(): Part<'retry'> {
    return ({ after, reason } = {}) =>
      this.#make(
        retry({ afterMs: after === undefined ? null : parseDuration(after, 'ctx.retry: after'), message: reason }),
      )
  }

  get snooze(): Part<'snooze'> {
    return (after) => this.#make(snooze(parseDuration(after, 'ctx.snooze: after')))
  }

  get bury(): Part<'bury'> {
    return (reason) => this.#make(bury(reason))
  }

  get fail(): Part<'fail'> {
    return (code, data, message) => this.#make(fail(code, data, message))
  }

  get cancel(): Part<'cancel'> {
    return (reason = 'the handler cancelled it') => this.#make(cancel(reason))
  }

  /** The handler has ended: nothing is reported any more. What is still to be waited for; null: nothing. */
  end(): Promise<void> | null {
    this.#ended = true
    this.#progress?.end()
    return this.#line === null ? null : this.#line.late
  }

  #make(outcome: RunOutcome): Outcome {
    return this.#run.make(outcome) as unknown as Outcome
  }
}
