/**
 * What publishing costs by how many subscriptions get the event, and by how many do not: CPU time per publish (the
 * least of all rounds; on PostgreSQL with that of the server's processes that did it), bytes written and memory kept. All cases take turns in one
 * run, so that their ratios hold on a busy machine.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { scheduler } from 'node:timers/promises'
import { readCommandLine } from '../test/command-line.ts'
import { runInNewContext } from 'node:vm'
import { systemClock } from '../src/core/clock.ts'
import type { Change, Engine } from '../src/core/engine.ts'
import type { Filter } from '../src/core/filter.ts'
import { createIds } from '../src/core/id.ts'
import { DEFAULT_PRIORITY, type Message } from '../src/core/message.ts'
import { internalsOf, open, type Post } from '../src/posthorn.ts'
import { median } from './measure.ts'
import { Backends } from './postgres/backends.ts'

interface Case {
  readonly name: string
  readonly matching: number
  /** Subscription number n of those that do not want the event. */
  readonly other?: (n: number) => { readonly types: readonly string[]; readonly filters: readonly Filter[] }
  readonly others: number
}

interface Opened {
  readonly of: Case
  readonly topic: string
  readonly post: Post
  readonly engine: Engine
  readonly publishes: number
  readonly cpuUs: number[]
  readonly writtenBytes: number[]
}

const TYPE = 'order.line.added'
const IN_FLIGHT = 64

const USAGE = `npm run bench:topic -- [options]
  --engine ENGINE  memory | file | sqlite | postgres (default memory)
  --url URL        of PostgreSQL (default postgres://postgres@127.0.0.1:5432/test)
  --rounds N       in each of which all cases take a turn (default 7)
  --bytes B        size of an event's content (default 1024)
  --others N       subscriptions in all, of which one matches (default 10000)
  --most N         subscriptions that match, at most (default 1000)
  --only TEXT      of the cases with others, those whose names have this`
const {
  engine: engineName = 'memory',
  url: serverUrl = 'postgres://postgres@127.0.0.1:5432/test',
  rounds = '7',
  bytes = '1024',
  others = '10000',
  most = '1000',
  only = '',
} = readCommandLine(USAGE, ['engine', 'url', 'rounds', 'bytes', 'others', 'most', 'only'])
const cases: readonly Case[] = [
  ...[1, 10, 100, 1_000]
    .filter((matching) => matching <= Number(most))
    .map((matching) => ({ name: `${matching} matching`, matching, others: 0 })),
  ...[
    other(`1 of ${others}, by exact type`, (n) => ({ types: [`order.line.t${n}`], filters: [] })),
    other(`1 of ${others}, by pattern`, (n) => ({ types: [`order.t${n}.*`, `**.t${n}`], filters: [] })),
    other(`1 of ${others}, by exact attribute`, (n) => ({
      types: [],
      filters: [{ exact: { subject: `customer-${n}` } }],
    })),
    other(`1 of ${others}, by prefix`, (n) => ({
      types: ['order.**'],
      filters: [{ prefix: { subject: `shop/${n}/` } }],
    })),
    other(`1 of ${others}, by type and attribute`, (n) => ({
      types: ['order.*', 'order.line.*'],
      filters: [{ any: [{ exact: { subject: `customer-${n}` } }, { exact: { subject: `c-${n}` } }] }],
    })),
  ].filter(({ name }) => name.includes(only)),
]

/** Deliveries of one case in one round. */
const DELIVERIES = engineName === 'postgres' ? 2_000 : 20_000
/** What is waiting there takes no memory here, and takes as long to remove as to write. */
const IS_STORED = engineName === 'sqlite' || engineName === 'postgres'
const ids = createIds(systemClock)
const body = new TextEncoder().encode(JSON.stringify('x'.repeat(Number(bytes))))
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const folder = mkdtempSync(join(tmpdir(), 'posthorn-bench-topic-'))

const tenths = (value: number): number => Math.round(value * 10) / 10
const hundredths = (value: number): number => Math.round(value * 100) / 100

/** Other work on the machine adds to a round, and never takes away. */
const least = ({ cpuUs }: Opened): number => Math.min(...cpuUs)

const schema = `bench_topic_${process.pid}`
const server = engineName === 'postgres' ? await Backends.open(serverUrl, schema) : null
const opened: Opened[] = []
for (const [at, each] of cases.entries()) opened.push(await openCase(each, at))
for (let n = 0; n <= Number(rounds); n++) for (const each of opened) await publishMany(each, n > 0)
const base = opened[0]!
const kept = new Map<Opened, number>()
for (const each of opened) if (each.of.others === 0 && !IS_STORED) kept.set(each, await keptBytes(each))
console.log(
  `${engineName}: engine ${base.engine.capabilities.engine}, body ${body.byteLength} bytes, ${rounds} rounds, node ${process.version}`,
)
console.table(
  opened.map((each) => ({
    'subscriptions': each.of.name,
    'CPU us a publish': tenths(least(each)),
    'of one subscription': hundredths(least(each) / least(base)),
    'CPU us a delivery': tenths(least(each) / each.of.matching),
    ...(engineName === 'file' ? { 'bytes written a publish': Math.round(median(each.writtenBytes)) } : {}),
    'bytes kept a publish': kept.get(each) ?? '',
  })),
)
for (const post of new Set(opened.map((each) => each.post))) await post.close()
await server?.drop(schema)
await server?.end()
rmSync(folder, { recursive: true, force: true })

function other(name: string, of: NonNullable<Case['other']>): Case {
  return { name, matching: 1, other: of, others: Number(others) - 1 }
}

async function openCase(of: Case, at: number): Promise<Opened> {
  const post = await openEngine(at)
  const topic = `t${at}`
  const { engine } = internalsOf(post)
  const bind = (name: string, wishes: ReturnType<NonNullable<Case['other']>>): Change => ({
    do: 'bind',
    subscription: { topic, name, from: 'now', order: 'key', ...wishes },
  })
  const changes = [
    ...Array.from({ length: of.matching }, (_, n) => bind(`m${n}`, { types: ['order.**'], filters: [] })),
    ...Array.from({ length: of.others }, (_, n) => bind(`o${n}`, of.other!(n))),
  ]
  for (let from = 0; from < changes.length; from += 1_000) await commit(engine, changes.slice(from, from + 1_000))
  const publishes = DELIVERIES / of.matching
  return { of, topic, post, engine, publishes, cpuUs: [], writtenBytes: [] }
}

/** What is measured is what publishing costs, not the disk. All cases share a database, each with a topic of its own. */
async function openEngine(at: number): Promise<Post> {
  const options = { durability: 'os' } as const
  if (engineName === 'file') return open(`file:${join(folder, String(at))}`, options)
  if (engineName === 'sqlite') return open(`sqlite:${join(folder, `${at}.db`)}`, options)
  if (server === null) return open('memory:')
  return opened[0]?.post ?? open(server.url, options)
}

async function publishMany(opened: Opened, isCounted: boolean): Promise<void> {
  const { post, engine, of, topic, publishes, cpuUs, writtenBytes } = opened
  collect()
  const messages = Array.from({ length: publishes }, message)
  const writtenBefore = written()
  const serverBefore = await server?.cpuUs()
  const before = process.cpuUsage()
  let next = 0
  const publish = async (): Promise<void> => {
    while (next < publishes) {
      const [result] = await engine.commit([{ changes: [{ do: 'publish', topic, message: messages[next++]! }] }])
      const first = result?.status === 'committed' ? result.results[0] : null
      if (first === null || first === undefined || !('routed' in first) || first.routed !== of.matching)
        throw new Error(`${of.name}: ${JSON.stringify(result)}`)
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, publish))
  const { user, system } = process.cpuUsage(before)
  const atServer = server === null ? 0 : (await server.cpuUs()) - serverBefore!
  const bytes = written() - writtenBefore
  // Not more and more in memory, round by round.
  if (!IS_STORED) for (let n = 0; n < of.matching; n++) await post.queue(`topic:${topic}:m${n}`).purge()
  if (!isCounted) return
  cpuUs.push((user + system + atServer) / publishes)
  writtenBytes.push(bytes / publishes)
}

/** What one further publish of a case keeps in memory. */
async function keptBytes({ engine, of, topic }: Opened): Promise<number> {
  const publishes = Math.min(500, DELIVERIES / of.matching)
  await scheduler.yield()
  collect()
  const before = held()
  for (let n = 0; n < publishes; n++) await commit(engine, [{ do: 'publish', topic, message: message() }])
  collect()
  return Math.round((held() - before) / publishes)
}

function message(): Message {
  const id = ids.uuid()
  return {
    id,
    event: { id, source: '/bench', type: TYPE, subject: 'customer-0/x', datacontenttype: 'application/json' },
    // Each its own, as messages that come in have: else all would share one in memory.
    body: body.slice(),
    priority: DEFAULT_PRIORITY,
  }
}

async function commit(engine: Engine, changes: readonly Change[]): Promise<void> {
  const [result] = await engine.commit([{ changes }])
  if (result?.status !== 'committed') throw new Error(JSON.stringify(result))
}

function held(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** By this process so far, in all its calls of write. */
function written(): number {
  try {
    return Number(/^wchar: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}
