// Random work on an engine, the same for the same seed: commits that overlap, each of several effects, leases and time between them.

import type { CommitResult, Engine, Token } from '../../src/core/engine.ts'
import type { Random } from '../../src/core/id.ts'
import { DEFAULT_QUEUE, DEFAULT_SUBSCRIPTION_QUEUE } from '../../src/core/settings.ts'
import {
  QUEUES,
  SUBSCRIPTIONS,
  TOPIC,
  changesOf,
  type Answer,
  type History,
  type Outcome,
  type Sent,
  type Step,
} from './history.ts'

export interface WorkOptions {
  readonly random: Random
  readonly uuid: () => string
  readonly commits: number
  /** Time passes. */
  readonly advance?: (ms: number) => void
  /** Before a commit is made, and when it is answered: for those who write it down. */
  readonly onBegin?: (step: Step) => void
  readonly onEnd?: (n: number, answer: Answer) => void
}

interface Held {
  readonly queue: string
  readonly id: string
  readonly token: Token
}

/** Queues as they must be for the counts to be foretold, and a topic that keeps everything. */
export async function prepare(engine: Engine): Promise<void> {
  const maxLapses = 1_000_000
  const subscription = { topic: TOPIC, filters: [], from: 'beginning', order: 'none' } as const
  const [result] = await engine.commit([
    {
      changes: [
        ...QUEUES.map((queue) => ({
          do: 'configure' as const,
          queue,
          settings: { ...DEFAULT_QUEUE, maxLapses },
        })),
        { do: 'retain', topic: TOPIC, retention: { ms: null, count: 1_000_000 } },
        { do: 'bind', subscription: { ...subscription, name: 'every', types: [] } },
        { do: 'bind', subscription: { ...subscription, name: 'some', types: ['some'] } },
        ...SUBSCRIPTIONS.map((queue) => ({
          do: 'configure' as const,
          queue,
          settings: { ...DEFAULT_SUBSCRIPTION_QUEUE, maxLapses },
        })),
      ],
    },
  ])
  if (result?.status !== 'committed') throw new Error(`the queues cannot be made: ${JSON.stringify(result)}`)
}

/** Works until so many commits are begun or the engine has failed. Returns when all were answered, or somebody calls `history.crash`. */
export async function work(engine: Engine, history: History, options: WorkOptions): Promise<void> {
  const { random, commits, advance, onBegin, onEnd } = options
  const held: Held[] = []
  const failures: unknown[] = []
  let pending: Promise<void>[] = []
  for (let count = 0; count < commits && failures.length === 0; count++) {
    if (random() < 0.15) advance?.(Math.floor(random() * 50))
    if (random() < 0.4) await lease(engine, options, held).catch((error: unknown) => failures.push(error))
    const step = plan(history.steps.length + 1, options, held)
    history.begin(step)
    onBegin?.(step)
    const end = (answer: Answer): void => {
      if (history.steps[step.n - 1]!.answer !== 'pending') return
      history.end(step.n, answer)
      onEnd?.(step.n, answer)
    }
    pending.push(
      engine.commit([{ id: `step ${step.n}`, changes: changesOf(step) }]).then(
        ([result]) => end(answerOf(result)),
        (error: unknown) => {
          failures.push(error)
          end('unknown')
        },
      ),
    )
    const how = random()
    if (how < 0.3) await new Promise((resolve) => setImmediate(resolve))
    else if (how < 0.5) {
      await Promise.all(pending)
      pending = []
    }
  }
  await Promise.all(pending)
}

/** Those that were not answered are sent again with the same id: what is there must not happen twice. */
export async function repeat(engine: Engine, history: History): Promise<number> {
  let repeated = 0
  for (const { step, answer } of history.steps.slice(-5)) {
    if (answer !== 'there' && answer !== 'confirmed') continue
    const [result] = await engine.commit([{ id: `step ${step.n}`, changes: changesOf(step) }])
    if (result?.status !== 'committed' || !result.replayed)
      throw new Error(`commit ${step.n} is there and was taken again: ${JSON.stringify(result)}`)
    repeated++
  }
  return repeated
}

function answerOf(result: CommitResult | undefined): Answer {
  if (result?.status === 'committed') return 'confirmed'
  // A token of a lease that was lost with the power is stale; nothing else may be refused.
  if (result?.status === 'refused' && result.code === 'stale') return 'refused'
  throw new Error(`a commit was answered ${JSON.stringify(result)}`)
}

async function lease(engine: Engine, { random, uuid }: WorkOptions, held: Held[]): Promise<void> {
  const { deliveries } = await engine.lease({
    id: uuid(),
    worker: 'torture',
    holder: random() < 0.5 ? 'process' : 'client',
    leaseMs: 60_000,
    wants: [...QUEUES, ...SUBSCRIPTIONS].map((queue) => ({ queue, max: Math.floor(random() * 4) })),
  })
  held.push(...deliveries.map(({ token, stored }) => ({ queue: stored.queue, id: stored.id, token })))
}

function plan(n: number, { random, uuid }: WorkOptions, held: Held[]): Step {
  const some = (most: number): number => Math.floor(random() * (most + 1))
  const size = (): number => (random() < 0.03 ? some(9_000) : some(400))
  const sent = (queue: string): Sent => ({ queue, id: uuid(), bytes: size() })
  const keys = Array.from({ length: some(2) }, () => `record/${some(15)}`)
  const removed = random() < 0.2 ? [`record/${some(15)}`] : []
  const outcomes = held
    .splice(0, some(4))
    .map((each): Outcome => ({ ...each, do: (['ack', 'ack', 'ack', 'bury', 'retry', 'release'] as const)[some(5)]! }))
  return {
    n,
    sends: Array.from({ length: some(3) }, () => sent(QUEUES[some(1)]!)),
    publishes: Array.from({ length: random() < 0.3 ? some(2) : 0 }, () => ({
      ...sent(TOPIC),
      type: random() < 0.5 ? 'some' : 'other',
    })),
    outcomes,
    puts: [...new Set(keys)].map((key) => ({ key, bytes: size() })),
    removes: removed.filter((key) => !keys.includes(key)),
  }
}
