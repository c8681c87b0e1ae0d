/** Serves the queue of completion callbacks: one run is one POST; 2xx is done, everything else is tried again by policy. */
import type { Dispatcher } from 'undici'
import type { Clock } from '../../core/clock.ts'
import { isPosthornError } from '../../core/error.ts'
import type { Random } from '../../core/id.ts'
import type { Binding, RetryPolicy, Run } from '../../delivery/binding.ts'
import { bury, done, retry, snooze, type Outcome } from '../../delivery/outcome.ts'
import type { Signer } from '../../webhooks/index.ts'
import type { Allowance } from '../call/allowance.ts'
import { deliver, type Delivered } from './deliver.ts'
import { Patience } from './patience.ts'

/** Twelve attempts over up to a day and a half. */
export const CALLBACK_RETRY: RetryPolicy = {
  attempts: 12,
  backoff: { kind: 'exponential', baseMs: 5_000, factor: 4, capMs: 6 * 3_600_000, jitter: 'full' },
}

/** Until what an app asked for is looked at again, while the app is paused: longer and longer, and no longer than this. The half of it is by chance, so that what came together does not look again together. */
const HELD = { baseMs: 5_000, capMs: 60_000 }

export interface CallbackDeps {
  readonly clock: Clock
  readonly random: Random
  readonly agent: Pick<Dispatcher, 'dispatch'>
  readonly allowance: Allowance
  readonly concurrency?: number | undefined
  /** Whether an app is paused: what it asked for waits. Default: none is. */
  readonly holds?: ((app: string) => boolean) | undefined
  readonly retry?: RetryPolicy | undefined
  /** For one whole exchange. */
  readonly totalMs?: number | undefined
  /** Signs what is sent. Default: nothing does. */
  readonly sign?: (() => Promise<Signer>) | undefined
}

/** @param queue whose messages name their URL in the note `callback`, and in `app` the app that asked for it, where one did */
export function bindCallbacks(queue: string, deps: CallbackDeps): Binding {
  const patience = new Patience()
  return {
    queue,
    concurrency: deps.concurrency ?? 32,
    retry: deps.retry ?? CALLBACK_RETRY,
    run: (run) => callBack(run, deps, patience),
  }
}

async function callBack(run: Run, deps: CallbackDeps, patience: Patience): Promise<Outcome> {
  const { message, released } = run.delivery.stored
  const { callback: url, app } = message.notes ?? {}
  if (url === undefined) return bury('the message names no URL to call back')
  if (app !== undefined && deps.holds?.(app) === true) return snooze(heldMs(released, deps.random))
  // What was allowed at the send may not be any more, or not by this server: then another attempt may find one that does.
  const target = deps.allowance.checkUrl(url)
  const waitMs = patience.enter(target.origin, released)
  if (waitMs !== null) return snooze(waitMs)
  let answered: boolean | null = null
  try {
    const { agent, clock, totalMs, sign } = deps
    const delivered = await deliver(target.href, message, { agent, clock, signal: run.signal, totalMs, sign })
    answered = true
    return toOutcome(delivered)
  } catch (error) {
    const code = isPosthornError(error) ? error.code : null
    if (code === 'callback-failed') answered = false
    if (code === 'address-forbidden') return bury((error as Error).message, code)
    throw error
  } finally {
    patience.left(target.origin, answered)
  }
}

const heldMs = (released: number, random: Random): number =>
  Math.min(HELD.baseMs * 2 ** released, HELD.capMs) * (0.5 + random() / 2)

function toOutcome({ status, retryAfterMs, excerpt }: Delivered): Outcome {
  if (status >= 200 && status < 300) return done(undefined)
  const message = `the receiver answered ${status}${excerpt === '' ? '' : `: ${excerpt}`}`
  // 410 says that nobody is there any more, and nobody will be (Standard Webhooks; CloudEvents WebHook).
  if (status === 410) return bury(message, 'callback-failed')
  return retry({ afterMs: retryAfterMs, message })
}
