// Many receivers in a process of their own: some take everything, some fail now and then, some take long. Told by IPC what to report.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ownCpuMs } from './load.ts'

export interface SinkReport {
  /** By endpoint: events that were acknowledged, how often each came, and from the publish to the acknowledgement in ms. */
  readonly endpoints: Readonly<
    Record<string, { readonly events: number; readonly calls: number; readonly delaysMs: readonly number[] }>
  >
  /** Events that came under two ids. */
  readonly breaches: readonly string[]
  /** Processor time of the sink so far. */
  readonly cpuMs: number
}

interface Seen {
  readonly events: Set<number>
  readonly delaysMs: number[]
  calls: number
}

const FLAKY_SHARE = 0.3
const slowMs = Number(process.argv[2] ?? 1_000)
/** Events before this one are not timed: the first find nothing connected, and no code compiled. */
const timedFrom = Number(process.argv[3] ?? 0)
const seen = new Map<string, Seen>()
const ids = new Map<string, string>()
const breaches: string[] = []

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const [, kind = '', endpoint = ''] = (request.url ?? '').split('/')
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: { n: number; at: number } }
    const of = seen.get(endpoint) ?? { events: new Set(), delaysMs: [], calls: 0 }
    seen.set(endpoint, of)
    of.calls++
    const id = String(request.headers['webhook-id'])
    const key = `${endpoint} ${data.n}`
    if ((ids.get(key) ?? id) !== id)
      breaches.push(`event ${data.n} came to ${endpoint} as ${ids.get(key)} and as ${id}`)
    ids.set(key, id)
    const take = (): void => {
      if (!of.events.has(data.n) && data.n >= timedFrom) of.delaysMs.push(Date.now() - data.at)
      of.events.add(data.n)
      response.writeHead(204).end()
    }
    if (kind === 'slow') setTimeout(take, slowMs)
    else if (kind !== 'flaky' || Math.random() >= FLAKY_SHARE) take()
    else if (Math.random() < 0.5) response.writeHead(500).end()
    else request.socket.destroy()
  })
})

process.on('message', (what) => {
  if (what === 'reset') {
    seen.clear()
    ids.clear()
    breaches.length = 0
    process.send!({ reset: true })
    return
  }
  const endpoints = Object.fromEntries(
    [...seen].map(([name, { events, calls, delaysMs }]) => [name, { events: events.size, calls, delaysMs }]),
  )
  process.send!({ endpoints, breaches, cpuMs: ownCpuMs() } satisfies SinkReport)
})
process.on('disconnect', () => process.exit())
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))
