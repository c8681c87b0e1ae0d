/** Handlers: which function handles what is sent to a contract. They are plain values, run by `post.work`, `posthorn work` and `posthorn serve`. */
import { DEFAULTS } from '../core/default.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { StoredMessage } from '../core/message.ts'
import type { TransactionSource } from '../core/transaction.ts'
import type { Middleware } from '../delivery/binding.ts'
import type { Context, Outcome } from './context.ts'
import type { Runnable } from './contract.ts'
import type { Log } from '../runtime/log.ts'
import type { Decoded } from './decode.ts'
import { definitionOf, type Definition } from './definition.ts'
import type { Registry } from './registry.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import type { Awaitable } from './wire.ts'

/** @typeParam Transaction what `ctx.tx` is */
export interface HandleOptions<Transaction = never> {
  /** Runs at once, at most, in one worker. Default 10. */
  readonly concurrency?: number | undefined
  /** How long a message is held without a sign of life. Default 30 s, extended at a third while the handler runs. */
  readonly lease?: Duration | undefined
  /** Wraps every run; the first is the outermost. */
  readonly middleware?: readonly Middleware[] | undefined
  /**
   * Where transactions come from: each run is in one of its own, as `ctx.tx`, and what is written with it, the ack and all effects are
   * committed together, or nothing of it. Every outcome but done rolls it back. Needs an engine on the same database: 'sqlite:FILE',
   * 'postgres://…'. Default: none.
   */
  readonly transaction?: TransactionSource<Transaction> | undefined
}

/** How messages become what the handler gets, where it is not one contract that says so. */
export interface Reading {
  readonly recognises: (stored: StoredMessage) => 'yes' | 'unknown'
  readonly decode: (stored: StoredMessage) => Decoded | Promise<Decoded>
}

/** How messages become what the handler gets, where it is not one contract that says so. */
export interface Reading {
  readonly recognises: (stored: StoredMessage) => 'yes' | 'unknown'
  readonly decode: (stored: StoredMessage) => Decoded | Promise<Decoded>
}

export interface Handler {
  readonly kind: 'handler'
  /** The queue that it serves. */
  readonly queue: string
}

/** What a handler says, resolved. */
export interface HandlerDefinition {
  readonly definition: Definition
  readonly call: (input: unknown, context: Context) => unknown
  readonly concurrency: number
  readonly leaseMs: number
  readonly middleware: readonly Middleware[]
  readonly transaction: TransactionSource<unknown> | null
  /** Default: as the contract says. */
  readonly reading?: Reading | undefined
  /** Puts in place what it needs, before it runs. */
  readonly declare?: ((deps: DeclareDeps) => Promise<void>) | undefined
}

export interface DeclareDeps {
  readonly engine: Engine
  readonly registry: Registry
  readonly log: Log
}

const BRAND = Symbol.for('posthorn.handler')
const SHORTEST_LEASE_MS = 1_000

/**
 * Handles what is sent to a task or queue. What the handler returns is the output; a throw is a failed run, tried again by policy.
 * Its effects and the end of the message are one commit.
 * @throws PosthornError `invalid-option`, `invalid-duration`
 */
export function handle<P, R, E, Transaction = never>(
  contract: Runnable<P, R, E>,
  handler: NoInfer<(input: P, ctx: Context<E, Transaction>) => Awaitable<R | Outcome>>,
  options: HandleOptions<Transaction> = {},
): Handler {
  const definition = definitionOf(contract, 'the first argument of handle()')
  const field = `handle(${definition.name})`
  return createHandler({ definition, ...resolveRunning(field, handler, checkOptions(field, options)) })
}

export function createHandler(resolved: HandlerDefinition): Handler {
  return Object.freeze(
    Object.defineProperty({ kind: 'handler' as const, queue: resolved.definition.queue }, BRAND, { value: resolved }),
  )
}

/** @throws PosthornError `invalid-option`, `invalid-duration` */
export function resolveRunning(
  field: string,
  handler: unknown,
  { concurrency = DEFAULTS.concurrency, lease = DEFAULTS.leaseMs, middleware = [], transaction }: HandleOptions,
): Pick<HandlerDefinition, 'call' | 'concurrency' | 'leaseMs' | 'middleware' | 'transaction'> {
  if (typeof handler !== 'function')
    throw invalidOption(field, 'the handler', handler, 'a function of the input and the context')
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw invalidOption(field, 'concurrency', concurrency, 'a whole number of at least 1')
  if (!Array.isArray(middleware) || !middleware.every((each) => typeof each === 'function'))
    throw invalidOption(field, 'middleware', middleware, 'an array of functions (next) => (run) => outcome')
  const leaseMs = parseDuration(lease, `${field}: lease`)
  if (leaseMs < SHORTEST_LEASE_MS) throw invalidOption(field, 'lease', lease, `at least ${SHORTEST_LEASE_MS} ms`)
  if (transaction !== undefined && typeof transaction?.transaction !== 'function')
    throw invalidOption(
      field,
      'transaction',
      transaction,
      'a source of transactions: a database of Drizzle or Knex, or what fromPg(pool), fromPostgres(sql), fromKysely(db), fromPrisma(client) of posthorn/postgres or fromSqlite(database) of posthorn/sqlite give',
    )
  return {
    call: handler as HandlerDefinition['call'],
    concurrency,
    leaseMs,
    middleware,
    transaction: (transaction as TransactionSource<unknown> | undefined) ?? null,
  }
}

function checkOptions<Transaction>(field: string, options: HandleOptions<Transaction>): HandleOptions {
  if (!isPlain(options)) throw invalidOption(field, 'options', options, 'an object like { concurrency: 8 }')
  checkKnown(field, options, ['concurrency', 'lease', 'middleware', 'transaction'])
  return options
}

/** @throws PosthornError `invalid-module` where the value was not made by `handle` */
export function handlerDefinitionOf(handler: unknown, field: string): HandlerDefinition {
  const resolved =
    typeof handler === 'object' && handler !== null ? (handler as Record<symbol, unknown>)[BRAND] : undefined
  if (resolved === undefined)
    throw new PosthornError('invalid-module', `${field} is no handler: make it with handle(contract, function)`, {
      details: { field },
    })
  return resolved as HandlerDefinition
}
