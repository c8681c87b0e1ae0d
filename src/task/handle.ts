/** Handlers: which function handles what is sent to a contract. They are plain values, run by `post.work`, `posthorn work` and `posthorn serve`. */
import type { Duration } from '../core/duration.ts'
import type { Middleware } from '../delivery/binding.ts'
import type { Context, Outcome } from './context.ts'
import type { Runnable } from './contract.ts'
import type { Awaitable } from './wire.ts'

export interface HandleOptions {
  /** Runs at once, at most, in one worker. Default 10. */
  readonly concurrency?: number | undefined
  /** How long a message is held without a sign of life. Default 30 s, extended at a third while the handler runs. */
  readonly lease?: Duration | undefined
  /** Wraps every run; the first is the outermost. */
  readonly middleware?: readonly Middleware[] | undefined
}

export interface Handler {
  readonly kind: 'handler'
  /** The queue that it serves. */
  readonly queue: string
}

/**
 * Handles what is sent to a task or queue. What the handler returns is the output; a throw is a failed run, tried again by policy.
 * Its effects and the end of the message are one commit.
 * @throws PosthornError `invalid-option`, `invalid-duration`
 */
export function handle<P, R, E>(
  contract: Runnable<P, R, E>,
  handler: NoInfer<(input: P, ctx: Context<E>) => Awaitable<R | Outcome>>,
  options?: HandleOptions,
): Handler {
  void contract, handler, options
  throw new Error('soon')
}
