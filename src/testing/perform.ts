/**
 * Runs one handler once, as a worker would, and shows what it came to: nothing is stored, no retry follows, and the effects are
 * shown instead of taking place.
 */
import type { Change } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes, type Json } from '../core/json.ts'
import type { Message, StoredMessage } from '../core/message.ts'
import { ActiveRun } from '../delivery/active-run.ts'
import type { Binding } from '../delivery/binding.ts'
import { composeRun } from '../delivery/middleware.ts'
import { done, isOutcome, type Outcome } from '../delivery/outcome.ts'
import type { Internals } from '../posthorn.ts'
import { bindingOf, parseOutput, type ComposeOptions, type Definition, type HandlerDefinition } from '../task/index.ts'

export type Effect =
  | {
      readonly do: 'send'
      readonly id: string
      readonly queue: string
      readonly input: unknown
      readonly message: Message
    }
  | {
      readonly do: 'publish'
      readonly id: string
      readonly topic: string
      readonly type: string
      readonly data: unknown
      readonly message: Message
    }
  | { readonly do: 'put'; readonly key: string; readonly value: Json; readonly ifVersion?: string | null | undefined }
  | { readonly do: 'remove'; readonly key: string }

/** How the run ended. `effects` are what would take place with it: of `done` alone there are any. */
export type Performed<Output> = { readonly effects: readonly Effect[] } & (
  | { readonly outcome: 'done'; readonly output: Output }
  | { readonly outcome: 'fail'; readonly code: string; readonly data: unknown }
  | { readonly outcome: 'retry'; readonly afterMs: number | null; readonly error: unknown }
  | { readonly outcome: 'snooze'; readonly afterMs: number }
  | { readonly outcome: 'bury'; readonly code: string; readonly reason: string }
  | { readonly outcome: 'cancel'; readonly reason: string }
)

export interface PerformOptions {
  /** Which attempt it is. Default 1. */
  readonly attempt?: number | undefined
  /** Aborts the run's signal. */
  readonly signal?: AbortSignal | undefined
}

/** @param sent what the input is of, where that is not the handler's own contract: an event of a topic */
export async function perform(
  parts: Internals,
  handler: HandlerDefinition,
  input: unknown,
  { attempt = 1, signal, ...options }: PerformOptions & ComposeOptions,
  sent: Definition = handler.definition,
): Promise<Performed<unknown>> {
  const { definition } = handler
  const { message } = await parts.composer.compose(sent, input, options)
  const run = new ActiveRun(
    {
      token: 'test',
      leaseUntil: parts.clock.wallMs() + handler.leaseMs,
      stored: toStored(parts.clock.wallMs(), definition.queue, message, attempt),
    },
    parts.log,
  )
  const abort = () => run.abort(new PosthornError('aborted', 'the test aborted the run', { cause: signal?.reason }))
  if (signal?.aborted === true) abort()
  signal?.addEventListener('abort', abort, { once: true })
  const ended = await call(bindingOf(parts, handler), run)
  run.close()
  if (!('value' in ended)) return { outcome: 'retry', afterMs: null, error: ended.error, effects: [] }
  const { value } = ended
  const forgotten = run.forgotten(value)
  if (forgotten !== null) return { outcome: 'retry', afterMs: null, error: forgotten, effects: [] }
  const outcome = isOutcome(value) ? value : done(value)
  if (outcome.kind !== 'done') return { ...toPerformed(outcome), effects: [] }
  const wire = outcome.value
  return { outcome: 'done', output: await parseOutput(definition, wire), effects: run.effects.map(toEffect) }
}

/** What the handler returned or threw; an outcome may be either. */
async function call(
  binding: Binding,
  run: ActiveRun,
): Promise<{ readonly value: unknown } | { readonly error: unknown }> {
  try {
    return { value: await composeRun(binding)(run) }
  } catch (error) {
    return isOutcome(error) ? { value: error } : { error }
  }
}

type Ending<O> = O extends { readonly outcome: string } ? Omit<O, 'effects'> : never

function toPerformed(
  outcome: Exclude<Outcome, { readonly kind: 'done' }>,
): Ending<Exclude<Performed<unknown>, { readonly outcome: 'done' }>> {
  switch (outcome.kind) {
    case 'fail':
      return { outcome: 'fail', code: outcome.code, data: outcome.data }
    case 'retry':
      return { outcome: 'retry', afterMs: outcome.afterMs, error: new PosthornError('handler-failed', outcome.message) }
    case 'snooze':
      return { outcome: 'snooze', afterMs: outcome.afterMs }
    case 'bury':
      return { outcome: 'bury', code: outcome.code, reason: outcome.reason }
    case 'cancel':
      return { outcome: 'cancel', reason: outcome.reason }
  }
}

function toEffect(change: Change): Effect {
  switch (change.do) {
    case 'send':
      return {
        do: 'send',
        id: change.message.id,
        queue: change.queue,
        input: fromJsonBytes(change.message.body),
        message: change.message,
      }
    case 'publish':
      return {
        do: 'publish',
        id: change.message.id,
        topic: change.topic,
        type: change.message.event.type,
        data: fromJsonBytes(change.message.body),
        message: change.message,
      }
    case 'put':
      return {
        do: 'put',
        key: change.key,
        value: fromJsonBytes(change.value) as Json,
        ...(change.ifVersion === undefined ? {} : { ifVersion: change.ifVersion }),
      }
    case 'remove':
      return { do: 'remove', key: change.key }
    default:
      throw new PosthornError('invalid', `a handler holds no '${change.do}'`)
  }
}

function toStored(nowMs: number, queue: string, message: Message, attempt: number): StoredMessage {
  return {
    queue,
    id: message.id,
    message,
    state: 'leased',
    sentAt: nowMs,
    readyAt: nowMs,
    leaseUntil: nowMs,
    endedAt: null,
    acquired: attempt,
    failed: attempt - 1,
    released: 0,
    failures: [],
    cancelRequested: false,
    reason: null,
  }
}
