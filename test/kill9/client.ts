// What the clients do, over HTTP: send and remember what was confirmed; lease, and settle, or forget to.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from './random.ts'
import type { ReceiptLog } from './receipt.ts'

export interface Setting {
  readonly url: string
  readonly log: ReceiptLog
  readonly random: Random
  readonly signal: AbortSignal
}

export interface Delivery {
  readonly token: string
  readonly id: string
  readonly acquired: number
}

/** An answer, or null where the connection failed or the server is going down: it may or may not have happened. */
export async function post<T>(
  url: string,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<T | null> {
  let text: string
  let status: number
  try {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
    status = response.status
    text = await response.text()
  } catch {
    return null
  }
  if (status === 503) return null
  if (status >= 300) throw new Error(`POST ${path} answered ${status}: ${text}`)
  return JSON.parse(text) as T
}

/** Sends keys to the task and the inbox until it is told to stop. What got no answer it sends again, half of the time. */
export async function send({ url, log, random, signal }: Setting, name: string): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    const key = `${name}-${count}`
    const queue = random() < 0.5 ? 'count' : 'inbox'
    const [path, body] =
      queue === 'count'
        ? ['/v1/tasks/count', { key }]
        : ['/v1/queues/inbox/messages', { key, filling: 'x'.repeat(random() * 2000) }]
    const headers = { 'posthorn-dedupe': key }
    let answer: { readonly id: string } | null = null
    do {
      answer = await post(url, path, body, headers)
      if (answer === null) await sleep(5)
    } while (answer === null && !signal.aborted && random() < 0.98)
    log.add({ did: 'send', queue, key, id: answer?.id ?? null, answer: answer === null ? 'unknown' : 'confirmed' })
  }
}

/** Leases from the inbox; acks most of it, gives some back, lets some fail, and forgets some, whose leases then lapse. */
export async function leaseAndSettle({ url, log, random, signal }: Setting): Promise<void> {
  while (!signal.aborted) {
    const deliveries = await lease(url, log, 1 + Math.floor(random() * 10))
    if (deliveries === null) await sleep(5)
    if (deliveries === null || deliveries.length === 0) continue
    const outcomes = deliveries.flatMap(({ token }) => {
      const dice = random()
      if (dice < 0.8) return [{ token, do: 'ack' }]
      if (dice < 0.88) return [{ token, do: 'retry', delaySeconds: 0 }]
      return dice < 0.96 ? [{ token, do: 'release' }] : []
    })
    await settle(url, log, deliveries, outcomes)
  }
}

export async function lease(url: string, log: ReceiptLog, max: number): Promise<readonly Delivery[] | null> {
  const answer = await post<{ readonly deliveries: readonly Delivery[] }>(url, '/v1/queues/inbox/lease', {
    max,
    leaseSeconds: 2,
    waitSeconds: 1,
  })
  for (const { id, acquired } of answer?.deliveries ?? []) log.add({ did: 'lease', id, acquired })
  return answer?.deliveries ?? null
}

export async function settle(
  url: string,
  log: ReceiptLog,
  deliveries: readonly Delivery[],
  outcomes: readonly { readonly token: string; readonly do: string }[],
): Promise<void> {
  if (outcomes.length === 0) return
  const answer = await post<{ readonly results: readonly { readonly token: string; readonly status: string }[] }>(
    url,
    '/v1/queues/inbox/settle',
    { outcomes },
  )
  const statuses = new Map(answer?.results.map(({ token, status }) => [token, status]))
  const byToken = new Map(deliveries.map((delivery) => [delivery.token, delivery]))
  for (const { token, do: what } of outcomes) {
    const delivery = byToken.get(token)
    if (what !== 'ack' || delivery === undefined) continue
    const status = answer === null ? 'unknown' : statuses.get(token) === 'stale' ? 'stale' : 'ok'
    log.add({ did: 'ack', id: delivery.id, acquired: delivery.acquired, answer: status })
  }
}
