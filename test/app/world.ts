// A platform with two apps behind the HTTP handler, in no time at all: the clock stands still until a step moves it, and chance is none.

import { queuesOf } from '../../src/callback/endpoint/endpoint.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { fromJsonBytes, toJsonBytes } from '../../src/core/json.ts'
import { internalsOf } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { handler } from '../../src/server/index.ts'
import { openOn } from '../engines.ts'

export type Who = 'acme' | 'beta' | 'platform'

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export interface World extends AsyncDisposable {
  /** Time goes on, and what is then due is done. */
  pass(ms: number): Promise<void>
  ask(who: Who, asked: Asked): Promise<Told>
  /** The platform does what is to be done: it ends every call of the task, and its own work comes to rest. */
  work(): Promise<void>
}

const KEY = 'the-key-of-the-platform'
const OWN_QUEUES = [
  'task:system.redrive',
  'task:system.purge',
  'task:system.endpoint-redeliver',
  'task:system.endpoint-verify',
  'task:system.endpoint-drill',
  'system:operation',
]
const SCOPES = (app: string, watched: string | null): readonly string[] => [
  'queue:**',
  'task:resize',
  'endpoint:**',
  'topic:orders:subscribe,read',
  'topic:news:subscribe',
  `topic:out-${app}:publish`,
  ...(watched === null ? [] : [`topic:out-${watched}:subscribe,read`]),
]

export interface WorldOptions {
  readonly url: string
  /** The app that is looked at: the other may follow what it publishes. */
  readonly watched: 'acme' | 'beta'
  /** Where endpoints may be. */
  readonly receiver: string
  readonly quotas?: Readonly<Record<string, number>> | undefined
}

export async function openWorld({ url, watched, receiver, quotas = {} }: WorldOptions): Promise<World> {
  const clock = new ManualClock()
  const post = await openOn(url, { clock, log: silentLog, random: () => 0.5 })
  const { engine } = internalsOf(post)
  // The order of chosen ids is that of their masks, which are made of this and of the apps' incarnations: the same in every world.
  await engine.commit([{ changes: [{ do: 'put', key: 'system/app-secret', value: new Uint8Array(32).fill(7) }] }])
  const answer = handler(post, { key: KEY, callbackAllow: [receiver] })
  const keys: Record<Who, string> = { platform: KEY, acme: '', beta: '' }
  const ask = async (who: Who, { method, path, headers = {}, body }: Asked): Promise<Told> => {
    const raw = body === undefined || typeof body === 'string'
    const response = await answer(
      new Request(`http://posthorn.example${path}`, {
        method,
        headers: {
          ...(raw ? {} : { 'content-type': 'application/json' }),
          ...headers,
          authorization: `Bearer ${keys[who]}`,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      }),
    )
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  for (const app of ['acme', 'beta'] as const) {
    await post.apps.create(app, { scopes: SCOPES(app, app === watched ? null : watched), quotas })
    const key = `system/app/${app}`
    const [record] = await engine.get([key])
    const value = toJsonBytes({ ...(fromJsonBytes(record!.value) as object), incarnation: app })
    await engine.commit([{ changes: [{ do: 'put', key, value }] }])
    keys[app] = (await post.apps.addKey(app)).key
  }
  await ask('platform', { method: 'PUT', path: '/v1/queues/task:resize', body: { retry: { attempts: 2 } } })
  for (const topic of ['orders', 'out-acme', 'out-beta'])
    await ask('platform', { method: 'PUT', path: `/v1/topics/${topic}`, body: { retain: { for: null, count: 20 } } })
  await ask('platform', { method: 'PUT', path: '/v1/topics/news', body: { retain: null } })

  const rest = async (): Promise<void> => {
    for (let quiet = 0; quiet < 2;) {
      await new Promise((resolve) => setImmediate(resolve))
      const { items } = await post.endpoints.list()
      const called = items.filter(({ status }) => status !== 'disabled').flatMap((each) => queuesOf(each))
      const own = await engine.depth(OWN_QUEUES)
      // Behind one that is tried again later the others are held, and that is rest.
      const due = await engine.depth(called)
      const isBusy =
        own.some(({ ready, held, leased }) => ready + held + leased > 0) ||
        due.some(({ ready, leased }) => ready + leased > 0)
      quiet = isBusy ? 0 : quiet + 1
    }
  }

  return {
    async pass(ms) {
      clock.advance(ms)
      await rest()
    },
    async ask(who, asked) {
      const told = await ask(who, asked)
      await rest()
      return told
    },
    async work() {
      for (;;) {
        const leased = await ask('platform', {
          method: 'POST',
          path: '/v1/queues/task:resize/lease',
          body: { max: 100 },
        })
        const { deliveries } = JSON.parse(leased.text) as {
          deliveries: { token: string; message: { data?: { n?: number } } }[]
        }
        if (deliveries.length === 0) break
        const outcomes = deliveries.map(({ token, message }) => {
          const n = message.data?.n ?? 0
          if (n % 5 === 4) return { token, do: 'bury', reason: 'no' }
          return n % 5 === 3 ? { token, do: 'retry', reason: 'later' } : { token, do: 'ack', output: { n } }
        })
        await ask('platform', { method: 'POST', path: '/v1/queues/task:resize/settle', body: { outcomes } })
      }
      await rest()
    },
    async [Symbol.asyncDispose]() {
      await post.close({ grace: 0 })
    },
  }
}
