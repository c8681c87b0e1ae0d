/**
 * Signed deliveries to a local sink over keep-alive HTTP/1.1, against what undici alone reaches on the same sink: the two take turns in one run,
 * so that their ratio holds on a busy machine. The sink is a process of its own. undici has as many callers as Posthorn has calls under way, and the connections of one
 * endpoint for them, with which it is fastest: with one for each caller it reaches half of that.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, request } from 'undici'
import { z } from 'zod'
import { Histogram } from '../src/core/histogram.ts'
import { open } from '../src/posthorn.ts'
import { silentLog } from '../src/runtime/log.ts'
import { topic } from '../src/topic/index.ts'
import { median } from './measure.ts'
import { readCommandLine } from '../test/command-line.ts'

interface Turn {
  readonly perSecond: number
  readonly perCpuSecond: number
}

const PUBLISHERS = 100
const USAGE = `npm run bench:callback -- [options]
  --engine ENGINE  memory | file | sqlite (default file)
  --rounds N       in each of which both take a turn (default 5)
  --count N        deliveries of a turn (default 20000)
  --endpoints N    that they go to (default 10)
  --concurrency N  calls of an endpoint at a time (default 10)
  --bytes B        size of an event's content (default 256)`

if (process.argv[2] === 'sink') serveSink()
else await bench()

/** Reads what comes and answers 204. */
function serveSink(): void {
  const server = createServer((incoming, response) => {
    incoming.resume()
    incoming.on('end', () => response.writeHead(204).end())
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}

async function bench(): Promise<void> {
  const { engine = 'file', ...numbers } = readCommandLine(USAGE, [
    'engine',
    'rounds',
    'count',
    'endpoints',
    'concurrency',
    'bytes',
  ])
  const [rounds, count, endpoints, concurrency, bytes] = [
    numbers.rounds ?? 5,
    numbers.count ?? 20_000,
    numbers.endpoints ?? 10,
    numbers.concurrency ?? 10,
    numbers.bytes ?? 256,
  ].map(Number) as [number, number, number, number, number]
  const sink = fork(import.meta.filename, ['sink'])
  const [port] = (await once(sink, 'message')) as [number]
  const url = `http://127.0.0.1:${port}`
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-bench-callback-'))
  const post = await open(engine === 'memory' ? 'memory:' : `${engine}:${join(folder, 'engine')}`, {
    log: silentLog,
  })
  const agent = new Agent({ connections: concurrency })
  try {
    const events = topic('bench', { tick: z.object({ text: z.string() }) })
    const text = 'x'.repeat(bytes)
    for (let n = 0; n < endpoints; n++)
      await post.endpoints.create({
        id: `e${n}`,
        url: `${url}/e${n}`,
        concurrency,
        subscriptions: [{ topic: events }],
      })
    const delivering = await post.endpoints.deliver({ allowRanges: ['127.0.0.0/8'] })
    const publish = () => post.publish(events, 'tick', { text })
    const body = JSON.stringify({ type: 'tick', timestamp: new Date().toISOString(), data: { text } })
    const bare = () => post1(agent, url, body, endpoints * concurrency)
    const all = { posthorn: [] as Turn[], undici: [] as Turn[] }
    for (let round = 0; round <= rounds; round++) {
      const deliveries = endpoints * Math.ceil(count / endpoints)
      const own = await timed(deliveries, () => deliver(publish, delivering.delays, deliveries, endpoints))
      const theirs = await timed(deliveries, () => bare()(deliveries))
      // The first warms up.
      if (round === 0) continue
      all.posthorn.push(own)
      all.undici.push(theirs)
    }
    const delays = await trickle(publish, delivering.delays, endpoints)
    const rate = (turns: readonly Turn[]) => Math.round(median(turns.map(({ perSecond }) => perSecond)))
    const ratios = all.posthorn.map(({ perSecond }, at) => perSecond / all.undici[at]!.perSecond)
    const cpu = (turns: readonly Turn[]) => Math.round(median(turns.map(({ perCpuSecond }) => perCpuSecond)))
    console.log(
      JSON.stringify({
        engine,
        endpoints,
        concurrency,
        bytes,
        deliveriesPerSecond: rate(all.posthorn),
        undiciPerSecond: rate(all.undici),
        ratio: Math.round(median(ratios) * 100) / 100,
        ratios: ratios.map((each) => Math.round(each * 100) / 100),
        perCpuSecond: cpu(all.posthorn),
        undiciPerCpuSecond: cpu(all.undici),
        publishToAcknowledgedMs: delays,
      }),
    )
    await delivering.stop({ grace: 0 })
  } finally {
    await agent.destroy()
    await post.close({ grace: 0 })
    sink.disconnect()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function timed(count: number, run: () => Promise<void>): Promise<Turn> {
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  await run()
  const seconds = (performance.now() - startedMs) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return { perSecond: count / seconds, perCpuSecond: count / ((user + system) / 1e6) }
}

/** Publishes until so many deliveries are due, and waits for the last acknowledgement to be recorded. */
async function deliver(
  publish: () => Promise<unknown>,
  delays: { readonly count: number },
  deliveries: number,
  endpoints: number,
): Promise<void> {
  const until = delays.count + deliveries
  let left = deliveries / endpoints
  const caller = async (): Promise<void> => {
    while (left-- > 0) await publish()
  }
  await Promise.all(Array.from({ length: PUBLISHERS }, caller))
  while (delays.count < until) await new Promise((resolve) => setTimeout(resolve, 2))
}

/** The same bytes, unsigned and unrecorded, by as many callers. */
function post1(agent: Agent, url: string, body: string, callers: number): (count: number) => Promise<void> {
  return async (count) => {
    let left = count
    const call = async (): Promise<void> => {
      while (left-- > 0) {
        const { body: answer } = await request(`${url}/bare`, {
          method: 'POST',
          dispatcher: agent,
          headers: { 'content-type': 'application/json' },
          body,
        })
        await answer.dump()
      }
    }
    await Promise.all(Array.from({ length: callers }, call))
  }
}

/** From the publish to the acknowledgement at a rate that is borne easily. */
async function trickle(
  publish: () => Promise<unknown>,
  delays: { readonly count: number; quantile(q: number): number },
  endpoints: number,
): Promise<{ readonly p50: number; readonly p99: number }> {
  // The histogram has all rounds; what is wanted is a difference of two, so a copy of one's own is counted by time.
  const own = new Histogram()
  for (let n = 0; n < 200; n++) {
    const before = delays.count
    const startedMs = performance.now()
    await publish()
    while (delays.count < before + endpoints) await new Promise((resolve) => setImmediate(resolve))
    own.record(performance.now() - startedMs)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return { p50: Math.round(own.quantile(0.5) * 100) / 100, p99: Math.round(own.quantile(0.99) * 100) / 100 }
}
