/** Serves the queue of completion callbacks: one run is one POST; 2xx is done, everything else is tried again by policy. */
import type { Agent } from 'undici'
import type { Clock } from '../core/clock.ts'
import { isPosthornError } from '../core/error.ts'
import type { Binding, RetryPolicy, Run } from '../delivery/binding.ts'
import { bury, done, retry, type Outcome } from '../delivery/outcome.ts'
import type { Allowance } from './allowance.ts'
import { deliver, type Delivered } from './deliver.ts'

/** Twelve attempts over up to a day and a half. */
export const CALLBACK_RETRY: RetryPolicy = {
  attempts: 12,
  backoff: { kind: 'exponential', baseMs: 5_000, factor: 4, capMs: 6 * 3_600_000, jitter: 'full' },
}

export interface CallbackDeps {
  readonly clock: Clock
  readonly agent: Agent
  readonly allowance: Allowance
  readonly concurrency?: number | undefined
  readonly retry?: RetryPolicy | undefined
  /** For one whole exchange. */
  readonly totalMs?: number | undefined
}

/** @param queue whose messages name their URL in the note `callback` */
export function bindCallbacks(queue: string, deps: CallbackDeps): Binding {
  return {
    queue,
    concurrency: deps.concurrency ?? 32,
    retry: deps.retry ?? CALLBACK_RETRY,
    run: (run) => callBack(run, deps),
  }
}

async function callBack(run: Run, { clock, agent, allowance, totalMs }: CallbackDeps): Promise<Outcome> {
  const { message } = run.delivery.stored
  const url = message.notes?.['callback']
  if (url === undefined) return bury('the message names no URL to call back')
  try {
    // What was allowed at the send may not be any more, or not by this server: then another attempt may find one that does.
    const target = allowance.checkUrl(url)
    return toOutcome(await deliver(target.href, message, { agent, clock, signal: run.signal, totalMs }))
  } catch (error) {
    if (isPosthornError(error) && error.code === 'address-forbidden') return bury(error.message, error.code)
    throw error
  }
}

function toOutcome({ status, retryAfterMs, excerpt }: Delivered): Outcome {
  if (status >= 200 && status < 300) return done(undefined)
  const message = `the receiver answered ${status}${excerpt === '' ? '' : `: ${excerpt}`}`
  // 410 says that nobody is there any more, and nobody will be (Standard Webhooks; CloudEvents WebHook).
  if (status === 410) return bury(message, 'callback-failed')
  return retry({ afterMs: retryAfterMs, message })
}
