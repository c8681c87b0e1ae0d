/**
 * The binding of a contract's handler: parse the input, run the handler, validate what it returns, and add the end of the
 * operation to the commit that settles. Synchronous up to the handler wherever the schema is.
 */
import type { Change, Engine } from '../core/engine.ts'
import { describeError } from '../core/error.ts'
import { toJsonBytes } from '../core/json.ts'
import type { StoredMessage } from '../core/message.ts'
import { describeIssues, validate, type SchemaResult } from '../core/schema.ts'
import { toPromise } from '../core/thenable.ts'
import type { TransactionSource } from '../core/transaction.ts'
import type { Binding, Conclusion, Ended, Run } from '../delivery/binding.ts'
import { bury, isOutcome, type Fail, type Outcome } from '../delivery/outcome.ts'
import { endingChanges, fromEnded, type EndingDeps } from '../operation/index.ts'
import { decode, recognises, type Decoded } from './decode.ts'
import type { Definition } from './definition.ts'
import { HandlerContext, type ContextDeps, type Within } from './handler-context.ts'
import type { HandlerDefinition } from './handle.ts'
import type { InsideMark } from './inside.ts'
import { runJoined } from './join.ts'

export interface RunDeps extends ContextDeps {
  readonly engine: ContextDeps['engine'] & Pick<Engine, 'join' | 'capabilities'>
  readonly ending: EndingDeps
  readonly limits: { readonly bodyBytes: number }
  /** Knows what runs inside a handler. */
  readonly inside: InsideMark
}

/** What is remembered of a run for its end, at the run itself: cheaper than any map. */
interface Remembered extends Run {
  [MEMORY]?: { readonly startedAt: number; told?: { readonly wire: unknown; readonly parsed: unknown } }
}
const MEMORY = Symbol('posthorn.run')

export function bindingOf(
  deps: RunDeps,
  { definition, call, concurrency, leaseMs, middleware, reading, transaction }: HandlerDefinition,
): Binding {
  const start = (deps: RunDeps, run: Run, decoded: Decoded): unknown =>
    transaction === null
      ? begin(deps, definition, call, run, decoded)
      : beginJoined(transaction, deps, definition, call, run, decoded)
  return {
    queue: definition.queue,
    concurrency,
    leaseMs,
    timeoutMs: definition.timeoutMs,
    retry: definition.retry,
    middleware,
    recognises: reading?.recognises ?? ((stored) => recognises(definition, stored)),
    run(run) {
      const { stored } = run.delivery
      const decoded = reading === undefined ? decode(definition, stored.message) : reading.decode(stored)
      return decoded instanceof Promise ? decoded.then((late) => start(deps, run, late)) : start(deps, run, decoded)
    },
    ...(definition.kind === 'task' ? { ending: (stored, ended, run) => end(deps, stored, ended, run) } : {}),
  }
}

/** The same in a transaction of the user's, which settles the message where the handler is done. */
function beginJoined(
  source: TransactionSource<unknown>,
  deps: RunDeps,
  definition: Definition,
  call: HandlerDefinition['call'],
  run: Run,
  decoded: Decoded,
): unknown {
  if (!decoded.ok) return bury(decoded.fault, 'invalid-input')
  return runJoined({
    engine: deps.engine,
    source,
    run,
    field: `handle(${definition.name})`,
    attempt: (transaction, { isExclusive }) => {
      const inside = isExclusive ? deps.inside.ofTransaction() : deps.inside
      return begin({ ...deps, inside }, definition, call, run, decoded, { transaction, isExclusive })
    },
    ending: (value) =>
      definition.kind === 'task' ? end(deps, run.delivery.stored, { status: 'succeeded', value }, run) : [],
  })
}

function begin(
  deps: RunDeps,
  definition: Definition,
  call: HandlerDefinition['call'],
  run: Run,
  decoded: Decoded,
  within: Within | null = null,
): unknown {
  if (!decoded.ok) return bury(decoded.fault, 'invalid-input')
  const context = new HandlerContext(deps, definition, run, within)
  if (definition.kind === 'task') (run as Remembered)[MEMORY] = { startedAt: context.startedAt }
  let value: unknown
  let late: Promise<unknown> | null
  try {
    value = deps.inside.run(call, decoded.value, context)
    late = toPromise(value)
  } catch (error) {
    return threw(deps, definition, run, context, error)
  }
  if (late === null) return finish(deps, definition, run, context, value)
  if (within === null) {
    run.conclusion = new TaskConclusion(deps, definition, run, context)
    return late
  }
  return late.then(
    (settled) => finish(deps, definition, run, context, settled),
    (error: unknown) => threw(deps, definition, run, context, error),
  )
}

class TaskConclusion implements Conclusion {
  readonly #deps: RunDeps
  readonly #definition: Definition
  readonly #run: Run
  readonly #context: HandlerContext

  constructor(deps: RunDeps, definition: Definition, run: Run, context: HandlerContext) {
    this.#deps = deps
    this.#definition = definition
    this.#run = run
    this.#context = context
  }

  returned(value: unknown): unknown {
    return finish(this.#deps, this.#definition, this.#run, this.#context, value)
  }

  threw(error: unknown): unknown {
    return threw(this.#deps, this.#definition, this.#run, this.#context, error)
  }
}

/** An outcome may be thrown; whatever else is thrown is a failed run. */
function threw(deps: RunDeps, definition: Definition, run: Run, context: HandlerContext, error: unknown): unknown {
  if (isOutcome(error)) return finish(deps, definition, run, context, error)
  void context.end()
  throw error
}

function finish(deps: RunDeps, definition: Definition, run: Run, context: HandlerContext, value: unknown): unknown {
  const late = context.end()
  const forgotten = run.forgotten(value)
  if (forgotten !== null) throw forgotten
  return late === null
    ? conclude(deps, definition, run, value)
    : late.then(() => conclude(deps, definition, run, value))
}

/** The value in wire form, or the outcome; what does not match its schema is a dead letter. */
function conclude({ limits }: RunDeps, definition: Definition, run: Run, value: unknown): unknown {
  if (isOutcome(value)) return value.kind === 'fail' ? concludeFail(limits.bodyBytes, definition, value) : value
  if (definition.output === null) return undefined
  const fault = faultOfJson(value, limits.bodyBytes)
  if (fault !== null) return invalidOutput(`the output of task '${definition.name}' ${fault}`)
  const parsed = validate(definition.output, value)
  return parsed instanceof Promise
    ? parsed.then((late) => concludeOutput(definition, run, value, late))
    : concludeOutput(definition, run, value, parsed)
}

function concludeOutput({ name }: Definition, run: Run, wire: unknown, parsed: SchemaResult<unknown>): unknown {
  if (!parsed.ok)
    return invalidOutput(`the output of task '${name}' does not match its schema: ${describeIssues(parsed.issues)}`)
  const memory = (run as Remembered)[MEMORY]
  if (memory !== undefined) memory.told = { wire, parsed: parsed.value }
  return wire
}

function concludeFail(maxBytes: number, { kind, name, errors }: Definition, outcome: Fail): Outcome | Promise<Outcome> {
  const schema = Object.hasOwn(errors, outcome.code) ? errors[outcome.code] : undefined
  if (schema === undefined) {
    const known = Object.keys(errors).map((code) => `'${code}'`)
    return invalidOutput(
      `${kind} '${name}' has no error '${outcome.code}'; ${known.length === 0 ? 'it declares none' : `it declares ${known.join(', ')}`}`,
    )
  }
  const fault = faultOfJson(outcome.data, maxBytes)
  if (fault !== null) return invalidOutput(`the data of error '${outcome.code}' of ${kind} '${name}' ${fault}`)
  const check = (parsed: SchemaResult<unknown>): Outcome =>
    parsed.ok
      ? outcome
      : invalidOutput(
          `the data of error '${outcome.code}' of ${kind} '${name}' do not match their schema: ${describeIssues(parsed.issues)}`,
        )
  const parsed = validate(schema, outcome.data)
  return parsed instanceof Promise ? parsed.then(check) : check(parsed)
}

function invalidOutput(reason: string): Outcome {
  return bury(reason, 'invalid-output')
}

function faultOfJson(value: unknown, maxBytes: number): string | null {
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return null
  try {
    const bytes = toJsonBytes(value).byteLength
    return bytes > maxBytes ? `has ${bytes} bytes: at most ${maxBytes} are allowed` : null
  } catch (error) {
    return `is not JSON: ${describeError(error).message}`
  }
}

function end({ ending }: RunDeps, stored: StoredMessage, ended: Ended, run: Run | null): readonly Change[] {
  const memory = run === null ? undefined : (run as Remembered)[MEMORY]
  const operation = fromEnded(stored, ended, ending.clock, memory?.startedAt)
  const told =
    memory?.told !== undefined && memory.told.wire === operation.output ? memory.told.parsed : operation.output
  return endingChanges(ending, stored, operation, told)
}
