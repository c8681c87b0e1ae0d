// One run of a crowd of endpoints: publishes to all of them, kills the sender in the middle where asked, and judges what came.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beginLoad, type Load } from './load.ts'
import type { SinkReport } from './sink.ts'

export interface Crowd {
  readonly url: string
  readonly events: number
  /** Events a second. */
  readonly rate: number
  readonly healthy: number
  readonly flaky: number
  readonly dead: number
  readonly slow: number
  /** kill -9 of the sender after half of the events. */
  readonly kill: boolean
  /** What a slow one takes for an answer. */
  readonly slowMs: number
  /** How long what lives may need, after the last event. */
  readonly patienceMs: number
}

export interface CrowdReport {
  /** Acknowledged events of those that live, and how many there should be. */
  readonly acknowledged: number
  readonly expected: number
  /** Calls of one event beyond the first that was acknowledged. */
  readonly doubled: number
  readonly missing: readonly string[]
  readonly breaches: readonly string[]
  /** Of the healthy ones, from the publish to the acknowledgement. */
  readonly samples: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly perSecond: number
  /** Of the machine, from the first event on; null with a kill. */
  readonly load: Load | null
}

const script = (name: string): string => join(import.meta.dirname, name)

export async function runCrowd(crowd: Crowd): Promise<CrowdReport> {
  const sink = fork(script('sink.ts'), [String(crowd.slowMs), String(Math.floor(crowd.events / 20))])
  let sender: ChildProcess | null = null
  try {
    const [{ port }] = (await once(sink, 'message')) as [{ port: number }]
    const names = namesOf(crowd)
    const places = { sink: `http://127.0.0.1:${port}`, dead: `http://127.0.0.1:${await closedPort()}` }
    const confirmed = new Set<number>()
    const begin = async (from: number, endpoints: readonly string[]): Promise<void> => {
      sender = fork(script('sender.ts'), argumentsOf(crowd, from, endpoints, places))
      sender.on(
        'message',
        (said: { confirmed?: number }) => said.confirmed !== undefined && confirmed.add(said.confirmed),
      )
      for (;;) {
        const [said] = (await once(sender, 'message')) as [{ ready?: boolean }]
        if (said.ready === true) return
      }
    }
    await begin(0, names)
    const startedMs = performance.now()
    const endLoad = beginLoad()
    if (crowd.kill) {
      await until(() => confirmed.size >= crowd.events / 2)
      const dying = once(sender!, 'exit')
      sender!.kill('SIGKILL')
      await dying
      // What was not confirmed may have happened all the same: it goes out once more, and counts as one.
      await begin(confirmed.size === 0 ? 0 : Math.max(...confirmed) + 1, [])
    }
    await until(() => confirmed.has(crowd.events - 1), (crowd.events / crowd.rate) * 1_000 * 3 + crowd.patienceMs)
    const living = names.filter((name) => !name.startsWith('dead'))
    const report = await settled(sink, living, confirmed.size, crowd.patienceMs)
    const tookMs = performance.now() - startedMs
    // What a killed sender took is not known.
    const load = crowd.kill ? null : endLoad(report.cpuMs + (await cpuMsOf(sender!)))
    return judge(report, living, confirmed.size, tookMs, load)
  } finally {
    ;(sender as ChildProcess | null)?.kill('SIGKILL')
    sink.disconnect()
  }
}

function namesOf({ healthy, flaky, dead, slow }: Crowd): readonly string[] {
  let at = 0
  const some = (kind: string, count: number) => Array.from({ length: count }, () => `${kind}/e${at++}`)
  return [...some('healthy', healthy), ...some('flaky', flaky), ...some('dead', dead), ...some('slow', slow)]
}

function argumentsOf(
  { url, events, rate }: Crowd,
  from: number,
  endpoints: readonly string[],
  { sink, dead }: { readonly sink: string; readonly dead: string },
): string[] {
  const options = { url, events, rate, from, sink, dead, endpoints: endpoints.join(',') }
  return Object.entries(options).map(([name, value]) => `--${name}=${value}`)
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The report, when all that live have everything, or when nothing more comes for the patience. */
async function settled(
  sink: ChildProcess,
  living: readonly string[],
  events: number,
  patienceMs: number,
): Promise<SinkReport> {
  let last = -1
  for (let sinceMs = performance.now(); ;) {
    sink.send('report')
    const [report] = (await once(sink, 'message')) as [SinkReport]
    const counts = living.map((name) => report.endpoints[name.split('/')[1]!]?.events ?? 0)
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (counts.every((count) => count >= events)) return report
    if (total !== last) sinceMs = performance.now()
    last = total
    if (performance.now() - sinceMs > patienceMs) return report
    await pause(200)
  }
}

async function cpuMsOf(sender: ChildProcess): Promise<number> {
  sender.send('cpu')
  for (;;) {
    const [said] = (await once(sender, 'message')) as [{ cpuMs?: number }]
    if (said.cpuMs !== undefined) return said.cpuMs
  }
}

function judge(
  report: SinkReport,
  living: readonly string[],
  events: number,
  tookMs: number,
  load: Load | null,
): CrowdReport {
  const of = (name: string) => report.endpoints[name.split('/')[1]!] ?? { events: 0, calls: 0, delaysMs: [] }
  const missing = living
    .filter((name) => of(name).events < events)
    .map((name) => `${name} has ${of(name).events} of ${events}`)
  const healthy = living.filter((name) => name.startsWith('healthy'))
  const delays = healthy.flatMap((name) => of(name).delaysMs).sort((a, b) => a - b)
  const quantile = (q: number): number =>
    delays[Math.min(delays.length - 1, Math.floor(delays.length * q))] ?? Number.NaN
  const acknowledged = living.reduce((sum, name) => sum + of(name).events, 0)
  return {
    acknowledged,
    expected: events * living.length,
    doubled: healthy.reduce((sum, name) => sum + of(name).calls - of(name).events, 0),
    missing,
    breaches: report.breaches,
    samples: delays.length,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    perSecond: Math.round((acknowledged / tookMs) * 1_000),
    load,
  }
}

async function until(holds: () => boolean, withinMs = 600_000): Promise<void> {
  const endMs = performance.now() + withinMs
  while (!holds()) {
    if (performance.now() > endMs) throw new Error('the sender did not come to an end')
    await pause(20)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
