/**
 * What the floors above the engine cost: sends and handled messages through the public API, on an engine that answers at once
 * and keeps nothing. Prints one JSON line: processor time of the whole process in microseconds for each, median of the rounds.
 * `node bench/overhead.ts [--task] [--rounds 9] [--count 200000] [--only send|drain]`; with `node --cpu-prof` it tells where the time goes.
 */
import { parseArgs } from 'node:util'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { systemClock } from '../src/core/clock.ts'
import type {
  Change,
  ChangeResult,
  Commit,
  CommitResult,
  Delivery,
  Engine,
  Hint,
  Interest,
  LeaseRequest,
} from '../src/core/engine.ts'
import { createIds } from '../src/core/id.ts'
import { handle, queue, task, type Queue } from '../src/index.ts'
import { createPost } from '../src/posthorn.ts'
import { handleAtOnce, type Work } from './contestant.ts'
import { median, round } from './measure.ts'

const CALLERS = 100
const CONCURRENCY = 200
const BYTES = 256
const NAME = 'overhead'
const WARM_UP = 3

const { values: options } = parseArgs({
  options: {
    task: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '9' },
    count: { type: 'string', default: '200000' },
    only: { type: 'string' },
  },
})
const count = Number(options.count)
const rounds = Number(options.rounds)

/** Says yes to everything, so that what is measured is Posthorn and not a library for validation. */
const ANY: StandardSchemaV1<Work> = {
  '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value: value as Work }) },
}
// Sent and handled alike, whichever it is.
const contract = (options.task ? task(NAME, { input: ANY }) : queue(NAME, { data: ANY })) as Queue<Work, Work>
const queueName = options.task ? `task:${NAME}` : NAME
const work: Work = { n: 1_000_000, text: 'x'.repeat(BYTES - JSON.stringify({ n: 1_000_000, text: '' }).length) }

const ids = createIds(systemClock)
/** More than are in flight at once; given out again and again. */
const deliveries: readonly Delivery[] = Array.from({ length: 4 * CONCURRENCY }, (_, at) => createDelivery(`${at}`))
let left = 0
let given = 0
let hint: ((hint: Hint) => void) | null = null

const engine = {
  capabilities: {
    engine: 'none',
    durability: ['memory'],
    atomic: 'commit',
    processes: 'one',
    clock: 'monotonic',
    limitSlack: 0,
    maxChanges: 1000,
    maxBodyBytes: 1_048_576,
    pick: ['priority'],
    fair: false,
    join: false,
    retained: false,
    deviations: [],
  },
  commit: (commits: readonly Commit[]) => Promise.resolve(commits.map(answer)),
  lease: (request: LeaseRequest) => Promise.resolve({ deliveries: give(request), nextReadyInMs: null }),
  extend: (tokens: readonly string[]) => Promise.resolve(tokens.map(() => 'kept')),
  watch({ queues }: Interest, told: (hint: Hint) => void) {
    if (queues?.includes(queueName)) hint = told
    return { [Symbol.dispose]() {} }
  },
  close: () => Promise.resolve(),
} as unknown as Engine

const measured: Record<string, unknown> = {
  bench: 'overhead',
  contract: options.task ? 'task' : 'queue',
  count,
  rounds,
}
if (options.only !== 'drain') {
  measured['engineSendUs'] = await repeat(sendToEngine)
  measured['sendUs'] = await repeat(send)
}
if (options.only !== 'send') measured['handleUs'] = await repeat(drain)
console.log(JSON.stringify(measured))

/** Microseconds of processor time for each, as the median of the rounds after the warm-up. */
async function repeat(act: () => Promise<void>): Promise<number> {
  const each: number[] = []
  for (let n = -WARM_UP; n < rounds; n++) {
    const before = process.cpuUsage()
    await act()
    const { user, system } = process.cpuUsage(before)
    if (n >= 0) each.push((user + system) / count)
  }
  return round(median(each))
}

/** What callers that wait cost by themselves. */
function sendToEngine(): Promise<void> {
  const { message } = deliveries[0]!.stored
  return callers(() => engine.commit([{ changes: [{ do: 'send', queue: queueName, message }] }]))
}

async function send(): Promise<void> {
  await using post = await createPost({ url: 'none:', engine, options: {}, release: async () => {} })
  await callers(() => post.send(contract, work))
}

async function drain(): Promise<void> {
  await using post = await createPost({ url: 'none:', engine, options: {}, release: async () => {} })
  let handled = 0
  const { promise, resolve } = Promise.withResolvers<void>()
  const handler = handle(contract, (input) => handleAtOnce(input, () => ++handled === count && resolve()), {
    concurrency: CONCURRENCY,
  })
  left = count
  const worker = await post.work([handler])
  hint?.({ queue: queueName })
  await promise
  await worker.stop()
}

async function callers(call: () => Promise<unknown>): Promise<void> {
  let begun = 0
  const caller = async () => {
    while (begun++ < count) await call()
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}

function answer({ changes }: Commit): CommitResult {
  const results = changes.length === 1 ? [resultOf(changes[0]!)] : changes.map(resultOf)
  return { status: 'committed', durability: 'memory', replayed: false, results }
}

function resultOf(change: Change): ChangeResult {
  return change.do === 'send' ? { id: change.message.id, duplicate: false } : null
}

function give({ wants }: LeaseRequest): readonly Delivery[] {
  const want = wants.find(({ queue: each }) => each === queueName)
  const taken = Math.min(want?.max ?? 0, left)
  left -= taken
  return Array.from({ length: taken }, () => deliveries[given++ % deliveries.length]!)
}

function createDelivery(token: string): Delivery {
  const id = ids.uuid()
  const type = `posthorn.${options.task ? 'task' : 'queue'}.${NAME}`
  const event = { id, source: 'posthorn:', type, time: new Date().toISOString(), datacontenttype: 'application/json' }
  const body = new TextEncoder().encode(JSON.stringify(work))
  return {
    token,
    leaseUntil: Number.MAX_SAFE_INTEGER,
    stored: {
      queue: queueName,
      id,
      message: { id, event, body, priority: 4 },
      state: 'leased',
      sentAt: 1,
      readyAt: 1,
      leaseUntil: Number.MAX_SAFE_INTEGER,
      endedAt: null,
      acquired: 1,
      failed: 0,
      released: 0,
      failures: [],
      cancelRequested: false,
      reason: null,
    },
  }
}
