// Rounds of load and SIGKILL on one folder, then quiet, then the verdict.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { lease, leaseAndSettle, post, send, settle, type Setting } from './client.ts'
import { judge, type Found, type Verdict } from './judge.ts'
import { freePort } from './port.ts'
import { seededRandom, type Random } from './random.ts'
import { ReceiptLog, type Receipt } from './receipt.ts'
import { Server } from './server.ts'
import type { Shard } from './shard.ts'

export interface FireOptions {
  readonly rounds: number
  readonly seed: number
  /** Default: a file engine in a new folder. */
  readonly engine?: string
  readonly onRound?: (round: number) => void
}

const SENDERS = 6
const LEASERS = 2
const BATCH = 200

/** @throws where the server does not start again, or answers as it must not */
export async function fire({ rounds, seed, engine, onRound }: FireOptions): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-kill9-'))
  const random = seededRandom(seed)
  const log = new ReceiptLog(join(folder, 'receipts.jsonl'))
  const server = new Server(engine ?? `file:${join(folder, 'engine')}`, await freePort())
  try {
    await server.start()
    await underLoad({ url: server.url, log, random }, async (signal) => {
      for (let round = 1; round <= rounds; round++) {
        await someAreConfirmed(log, signal)
        await killAndStart(server, random)
        log.add({ did: 'kill', round })
        onRound?.(round)
      }
    })
    // Once more, cleanly, so that what is found was read back from the disk.
    await server.stop()
    await server.start()
    await drainInbox(server.url, log)
    const receipts = log.end()
    const verdict = judge(receipts, await find(server.url, receipts))
    await server.stop()
    rmSync(folder, { recursive: true })
    return verdict
  } catch (error) {
    server.abandon()
    throw new Error(`seed ${seed}, folder ${folder}: ${(error as Error).message}`, { cause: error })
  }
}

async function underLoad(
  setting: Omit<Setting, 'signal'>,
  body: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController()
  const full = { ...setting, signal: stop.signal }
  const clients = [
    ...Array.from({ length: SENDERS }, (_, at) => send(full, `key-${at}`)),
    ...Array.from({ length: LEASERS }, () => leaseAndSettle(full)),
  ]
  try {
    await Promise.race([body(stop.signal), Promise.all(clients)])
  } finally {
    stop.abort()
    await Promise.all(clients)
  }
}

/** However slow the machine is, there is something to lose. */
async function someAreConfirmed({ confirmed }: ReceiptLog, signal: AbortSignal): Promise<void> {
  const { count, inbox } = confirmed
  while (!signal.aborted && (confirmed.count === count || confirmed.inbox === inbox)) await sleep(5)
}

async function killAndStart(server: Server, random: Random): Promise<void> {
  await sleep(30 + random() ** 2 * 700)
  await server.kill()
  // Now and then it dies again while it starts, which may be in the middle of its recovery.
  while (random() < 0.2) {
    server.spawn()
    await sleep(100 + random() * 500)
    await server.kill()
  }
  await server.start()
}

/** Acks what is left, until nothing waits and nothing is leased. */
async function drainInbox(url: string, log: ReceiptLog): Promise<void> {
  for (;;) {
    const deliveries = (await lease(url, log, 100)) ?? []
    await settle(
      url,
      log,
      deliveries,
      deliveries.map(({ token }) => ({ token, do: 'ack' })),
    )
    if ((await unfinished(url, 'inbox')) === 0) return
  }
}

async function find(url: string, receipts: readonly Receipt[]): Promise<Found> {
  await countingIsOver(url)
  const keys = [
    ...new Set(
      receipts.flatMap((receipt) => (receipt.did === 'send' && receipt.queue === 'count' ? [receipt.key] : [])),
    ),
  ]
  const counted = new Map<string, number>()
  let shards: readonly Shard[] = []
  for (let at = 0; at < keys.length; at += BATCH) {
    const batch = keys.slice(at, at + BATCH)
    const answer = await post<{
      readonly output: { readonly counted: readonly number[]; readonly shards: readonly Shard[] }
    }>(url, '/v1/tasks/read', { keys: batch }, { prefer: 'wait=30' })
    if (answer === null) throw new Error('the server does not answer although nobody killed it')
    batch.forEach((key, place) => counted.set(key, answer.output.counted[place] ?? 0))
    shards = answer.output.shards
  }
  return { counted, shards, inInbox: await idsIn(url, 'inbox', 'dead') }
}

async function countingIsOver(url: string): Promise<void> {
  while ((await unfinished(url, 'task:count')) > 0) await sleep(20)
}

async function unfinished(url: string, queue: string): Promise<number> {
  const response = await fetch(new URL(`/v1/queues/${queue}`, url))
  if (response.status === 404) return 0
  const depth = (await response.json()) as Readonly<Record<string, number>>
  return ['ready', 'arrived', 'held', 'delayed', 'leased'].reduce((sum, state) => sum + (depth[state] ?? Number.NaN), 0)
}

async function idsIn(url: string, queue: string, state: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  for (let after: string | null = ''; after !== null;) {
    const response: Response = await fetch(
      new URL(
        `/v1/queues/${queue}/messages?state=${state}&limit=500${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`,
        url,
      ),
    )
    if (response.status === 404) return ids
    const page = (await response.json()) as {
      readonly items: readonly { readonly id: string }[]
      readonly next: string | null
    }
    for (const { id } of page.items) ids.add(id)
    after = page.next
  }
  return ids
}
