// Real GitHub events, fanned out to three apps with filters and profiles of their own: one flaky, one slow, one that rotates its secret in
// the middle. GitHub is played by a loop that signs and delivers; the apps are servers that verify.

import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { open, PosthornError, silentLog, type Post } from 'posthorn'
import { serve } from 'posthorn/server'
import { createSigner, github } from 'posthorn/webhooks'
import { hash, loadDeliveries, type Delivery } from '../payload.ts'
import { App, plans, wants } from './app.ts'
import handlers, { events, githubSecret } from './platform.ts'
import { formatFanOut, isExact, type Asked } from './report.ts'

const AT_ONCE = 8
const PATIENCE_MS = 120_000
/** So soon who delivers has learnt of a new secret, on a database also another process, and what was signed before has come. */
const LEARNT_MS = 3_000

/** @returns whether each app got exactly the events that it asked for, and could believe every call */
export async function fanOut(engine: string, signal: AbortSignal): Promise<boolean> {
  const deliveries = loadDeliveries(`fan-out ${randomUUID()}`)
  const apps = plans.map((plan) => new App(plan))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => apps.forEach((app) => app.close()))
  const post = stack.use(await open(engine, { log: silentLog }))
  const server = await serve(post, { port: 0, callbackAllowRanges: ['127.0.0.0/8'] })
  stack.defer(() => server.stop({ graceMs: 1_000 }))
  const worker = await post.work(handlers)
  stack.defer(() => worker.stop())

  for (const app of apps) await welcome(post, server.url, app)
  stack.defer(() => dismiss(post, apps))
  sayBeginning(engine, server.url, apps)
  const asked = await play({ url: server.url, deliveries, apps, signal })
  await allTaken(apps, asked, signal)
  console.log(formatFanOut(deliveries.length, apps, asked))
  return apps.every((app, at) => app.refused === 0 && isExact(app, asked[at]!))
}

/** What a third party asks, with its own key: `hook` is its own, whatever others call theirs. */
async function ask(url: string, app: App, method: string, path: string, body: unknown): Promise<{ secret: string }> {
  const headers = { 'authorization': `Bearer ${app.key}`, 'content-type': 'application/json' }
  const answer = await fetch(url + path, { method, headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { secret: string }
}

async function welcome(post: Post, url: string, app: App): Promise<void> {
  const { name, profile, types, suffix } = app.plan
  // The platform's part: who the app is, and what it may. One of a run that was interrupted begins anew.
  await forget(post, name)
  await post.apps.create(name, { scopes: ['endpoint:**', `topic:${events.name}:subscribe`] })
  app.key = (await post.apps.addKey(name)).key
  // The app's own.
  const { secret } = await ask(url, app, 'PUT', '/v1/endpoints/hook', {
    url: await app.listen(),
    profile,
    subscriptions: [
      { topic: events.name, types, ...(suffix === undefined ? {} : { filters: [{ suffix: { subject: suffix } }] }) },
    ],
    // Sooner than their platforms would, so that this is over in seconds.
    retry: { attempts: 8, delays: ['100ms', '500ms', '2s'] },
  })
  app.use(secret)
}

async function dismiss(post: Post, apps: readonly App[]): Promise<void> {
  for (const { plan } of apps) await forget(post, plan.name)
}

async function forget(post: Post, name: string): Promise<void> {
  await post.apps.delete(name, { force: true }).catch((error: unknown) => {
    if (!(error instanceof PosthornError && error.code === 'app-not-found')) throw error
  })
}

function sayBeginning(engine: string, url: string, apps: readonly App[]): void {
  console.log(`
${styleText('bold', 'Posthorn: GitHub events for three apps')}

  engine     ${engine.split(':', 1)[0]}
  platform   ${url}   GitHub delivers to /v1/sources/github; the apps ask with keys of their own
${apps.map(({ plan: { name, trouble } }) => `  ${name.padEnd(10)} ${trouble}`).join('\n')}
`)
}

interface Game {
  readonly url: string
  readonly deliveries: readonly Delivery[]
  readonly apps: readonly App[]
  readonly signal: AbortSignal
}

/** GitHub delivers everything, a few at once. @returns what each app asked for of it, said without Posthorn */
async function play({ url, deliveries, apps, signal }: Game): Promise<readonly Asked[]> {
  const asked = apps.map((): Asked => [])
  const signer = createSigner({ profile: github, secrets: [githubSecret] })
  const deliver = async ({ id, event, body }: Delivery): Promise<void> => {
    const content = `${event} ${hash(body)}`
    const { repository } = JSON.parse(body.toString()) as { readonly repository?: { readonly full_name?: string } }
    const atMs = performance.now()
    for (const [at, { plan }] of apps.entries())
      if (wants(plan, event, repository?.full_name)) asked[at]!.push({ content, atMs })
    const { headers } = await signer({ id, type: event, body })
    const answer = await fetch(`${url}/v1/sources/github`, { method: 'POST', headers, body: new Uint8Array(body) })
    if (answer.status !== 202) throw new Error(`delivery ${id} was answered ${answer.status}: ${await answer.text()}`)
  }
  const rotating = apps.find(({ plan }) => plan.rotates)!
  let rotated: Promise<() => void> | null = null
  let forgotten: Promise<void> | null = null
  const forgetOld = async (): Promise<void> => {
    const forget = await rotated!
    await sleep(LEARNT_MS, undefined, { signal })
    forget()
  }
  let next = 0
  const playSome = async (): Promise<void> => {
    for (let at = next++; at < deliveries.length; at = next++) {
      signal.throwIfAborted()
      if (at === Math.floor(deliveries.length / 2)) await (rotated = rotate(url, rotating))
      // What comes from here on the app believes by its new secret alone.
      if (at >= (deliveries.length * 3) / 4) await (forgotten ??= forgetOld())
      await deliver(deliveries[at]!)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, playSome))
  return asked
}

/** From here on both secrets sign; calls that are on their way are signed with the old one alone, so the app believes both for a while. */
async function rotate(url: string, app: App): Promise<() => void> {
  const { secret } = await ask(url, app, 'POST', '/v1/endpoints/hook/secrets/rotate', { overlap: '1h' })
  app.use(secret, app.secret)
  return () => app.use(secret)
}

async function allTaken(apps: readonly App[], asked: readonly Asked[], signal: AbortSignal): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (apps.some(({ taken }, at) => taken.length < asked[at]!.length) && performance.now() < until)
    await sleep(50, undefined, { signal })
}
