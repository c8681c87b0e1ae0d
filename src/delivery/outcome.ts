/**
 * How a handler says how its run ends. Outcomes are values: returned, or thrown from deep inside, with the same effect.
 * They are recognised by a registered symbol, so that two copies of the package understand each other.
 */
import { describeError, toText, type ErrorCode } from '../core/error.ts'

const BRAND = Symbol.for('posthorn.outcome')

/** The handled value: the message is acked, the held effects take place. What a handler returns and is no outcome means the same. */
export interface Done {
  readonly kind: 'done'
  readonly value: unknown
}

/** A typed error, final: the message is acked, its operation has failed with `code` and `data`, no effects take place. */
export interface Fail {
  readonly kind: 'fail'
  readonly code: string
  readonly data: unknown
  readonly message: string
}

/** A failed run: tried again by the policy, or after the given time; once the attempts are used up it is buried. */
export interface Retry {
  readonly kind: 'retry'
  /** null: as the policy says. */
  readonly afterMs: number | null
  readonly message: string
}

/** Not now: given back, uncounted. */
export interface Snooze {
  readonly kind: 'snooze'
  readonly afterMs: number
}

/** Final: kept as a dead letter, for people to look at and to redrive. */
export interface Bury {
  readonly kind: 'bury'
  readonly code: ErrorCode
  readonly reason: string
}

/** Final: ends as cancelled. */
export interface Cancel {
  readonly kind: 'cancel'
  readonly reason: string
}

export type Outcome = Done | Fail | Retry | Snooze | Bury | Cancel

export const done = (value: unknown): Done => brand({ kind: 'done', value })

export const fail = (code: string, data?: unknown, message: string = code): Fail =>
  brand({ kind: 'fail', code, data, message: reasonOf(message) })

export const retry = (
  options: { readonly afterMs?: number | null | undefined; readonly message?: string | undefined } = {},
): Retry =>
  brand({
    kind: 'retry',
    afterMs: options.afterMs ?? null,
    message: reasonOf(options.message ?? 'the handler asked for another attempt'),
  })

export const snooze = (afterMs: number): Snooze => brand({ kind: 'snooze', afterMs })

/** `code` tells what kind of dead letter it is: `buried` where a handler decided it, `invalid-input` and its like where Posthorn did. */
export const bury = (reason: string, code: ErrorCode = 'buried'): Bury =>
  brand({ kind: 'bury', code, reason: reasonOf(reason) })

export const cancel = (reason: string): Cancel => brand({ kind: 'cancel', reason: reasonOf(reason) })

export function isOutcome(value: unknown): value is Outcome {
  try {
    return typeof value === 'object' && value !== null && BRAND in value
  } catch {
    return false
  }
}

/** An error is a reason too: what the engine would refuse must not keep a message from ending. */
function reasonOf(given: unknown): string {
  return given instanceof Error ? describeError(given).message : toText(given)
}

function brand<T extends Outcome>(outcome: T): T {
  // Not enumerable, so that an outcome prints and compares as the plain value it is.
  return Object.defineProperty(outcome, BRAND, { value: true })
}
