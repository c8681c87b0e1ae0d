// A process of its own that plays GitHub: posts every webhook to the server at the chosen rate. What it has no answer for, it
// posts again; the delivery's id as dedupe text makes that safe.

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ownerOf, type Payload } from './digest.ts'
import { loadDeliveries, type Delivery } from './payload.ts'
import { appendLine, openRunFolder, readLines, type Sent } from './run-folder.ts'

const { values } = parseArgs({
  options: {
    server: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    rate: { type: 'string', default: '50' },
    run: { type: 'string', default: '1' },
    callback: { type: 'string', default: '' },
  },
})
const run = Number(values.run)
const { sentFile } = openRunFolder(values.data)
const stop = new AbortController()
for (const signal of ['SIGTERM', 'disconnect'] as const) process.once(signal, () => stop.abort())
process.on('SIGINT', () => {})

await replay()
process.disconnect?.()

async function replay(): Promise<void> {
  const sent = new Set(readLines<Sent>(sentFile).map(({ delivery }) => delivery))
  const due = loadDeliveries(run).filter(({ id }) => !sent.has(id))
  const startMs = performance.now()
  const underWay = new Set<Promise<void>>()
  for (const [index, delivery] of due.entries()) {
    const waitMs = startMs + (index * 1000) / Number(values.rate) - performance.now()
    if (waitMs > 0) await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => {})
    if (stop.signal.aborted) break
    const sending = send(delivery).finally(() => underWay.delete(sending))
    underWay.add(sending)
    if (underWay.size >= 32) await Promise.race(underWay)
  }
  await Promise.all(underWay)
}

async function send(delivery: Delivery): Promise<void> {
  for (;;) {
    const startMs = performance.now()
    const operation = await post(delivery)
    if (operation !== null) {
      const { id, event, body, sha256 } = delivery
      const owner = ownerOf(JSON.parse(body.toString()) as Payload)
      const sendMs = performance.now() - startMs
      appendLine(sentFile, { run, delivery: id, event, owner, bytes: body.length, sha256, operation, sendMs })
      process.send?.({ sent: id })
      return
    }
    if (stop.signal.aborted) return
    await sleep(250, undefined, { signal: stop.signal }).catch(() => {})
  }
}

/** The operation's id; null where there was no answer, or one that says to try again. */
async function post({ id, event, body, sha256 }: Delivery): Promise<string | null> {
  try {
    const response = await fetch(new URL('/v1/queues/task:digest/messages', values.server), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        // A CloudEvent in binary mode: the body is the webhook as GitHub serialised it, byte for byte.
        'ce-specversion': '1.0',
        'ce-id': id,
        'ce-source': 'https://github.com/',
        'ce-type': 'posthorn.task.digest',
        'ce-githubevent': event,
        'ce-sha256': sha256,
        'posthorn-dedupe': id,
        'posthorn-callback': values.callback,
      },
      body: new Uint8Array(body),
    })
    const answer = (await response.json()) as { readonly id?: string; readonly detail?: string }
    if (response.status === 202 && answer.id !== undefined) return answer.id
    if (response.status !== 429 && response.status !== 503)
      throw new Error(`the server answered ${response.status}: ${answer.detail ?? ''}`)
    return null
  } catch (error) {
    // What fetch throws where the connection failed.
    if (error instanceof TypeError || error instanceof SyntaxError) return null
    throw error
  }
}
