/** One queue as this worker serves it: its binding with every default resolved, its capacity, and what is known of its stock. */
import { DEFAULTS } from '../core/default.ts'
import { PosthornError } from '../core/error.ts'
import { checkQueueName } from '../core/name.ts'
import { Capacity } from '../runtime/capacity.ts'
import type { DeadlineList } from '../runtime/deadline.ts'
import type { Binding, RetryPolicy, Run } from './binding.ts'
import type { RunTimeout } from './handling.ts'
import { composeRun } from './middleware.ts'
import { DEFAULT_RETRY } from './retry.ts'

/** A lease is extended at a third of its time: below this, a pause of the garbage collector would lose it. */
const SHORTEST_LEASE_MS = 1_000

/** What an engine takes in a few milliseconds. */
const MOST_BESIDE = 2_000

export class ServedQueue {
  readonly queue: string
  readonly binding: Binding
  readonly capacity: Capacity
  readonly beside: number
  readonly leaseMs: number
  readonly timeoutMs: number | null
  readonly retry: RetryPolicy
  readonly call: (run: Run) => unknown
  /** What the handler comes to is concluded inside its middleware, which may end the run before. */
  readonly isWrapped: boolean
  readonly suspects: boolean
  timeouts: DeadlineList<RunTimeout> | null = null
  /** Those that are being settled and have left their place to others. */
  settlingBeside = 0

  /** Monotonic: when time alone may bring something. */
  stockedAtMs: number = Infinity
  /** Hints so far: one that comes while a request is under way must not be forgotten by its answer. */
  hints = 0
  hintsWhenAsked = 0
  asked = 0
  got = 0

  constructor(binding: Binding) {
    this.queue = checkQueueName(binding.queue, 'binding.queue')
    this.binding = binding
    this.capacity = new Capacity(checkCount(binding, 'concurrency', binding.concurrency, 1), binding.gate ?? null)
    this.beside = checkCount(binding, 'beside', binding.beside ?? MOST_BESIDE, 0)
    this.leaseMs = checkCount(binding, 'leaseMs', binding.leaseMs ?? DEFAULTS.leaseMs, SHORTEST_LEASE_MS)
    this.timeoutMs =
      binding.timeoutMs === undefined || binding.timeoutMs === null
        ? null
        : checkCount(binding, 'timeoutMs', binding.timeoutMs, 1)
    this.suspects = binding.suspects ?? true
    this.retry = binding.retry ?? DEFAULT_RETRY
    if (this.retry.attempts !== Infinity) checkCount(binding, 'retry.attempts', this.retry.attempts, 1)
    this.call = composeRun(binding)
    this.isWrapped = (binding.middleware?.length ?? 0) > 0
  }
}

/** @throws PosthornError `invalid-option`, `duplicate-handler` */
export function serveQueues(bindings: readonly Binding[]): Map<string, ServedQueue> {
  const served = new Map<string, ServedQueue>()
  for (const binding of bindings) serveAlso(served, binding)
  return served
}

/** @throws PosthornError `invalid-option`, `duplicate-handler` */
export function serveAlso(served: Map<string, ServedQueue>, binding: Binding): ServedQueue {
  if (served.has(binding.queue)) {
    throw new PosthornError(
      'duplicate-handler',
      `queue '${binding.queue}' has two handlers in one worker: give each its own queue, or make one handler of them`,
      { details: { queue: binding.queue } },
    )
  }
  const queue = new ServedQueue(binding)
  served.set(binding.queue, queue)
  return queue
}

function checkCount({ queue }: Binding, field: string, value: number, least: number): number {
  if (
    typeof value === 'number' &&
    value >= least &&
    Number.isFinite(value) &&
    (field !== 'concurrency' || Number.isInteger(value))
  )
    return value
  throw new PosthornError(
    'invalid-option',
    `${field} of queue '${queue}' is ${String(value)}: it must be a ${field === 'concurrency' ? 'whole ' : ''}number of at least ${least}`,
    { details: { queue, field, value } },
  )
}
