// Real GitHub events, fanned out to three apps with filters and profiles of their own: one flaky, one slow, one that rotates its secret in
// the middle. GitHub is played by a loop that signs and delivers; the apps are servers that verify. At the end: what each one got, how late, how
// fast, how reliably; and whether it was exactly what it asked for. `node examples/open-platform/fan-out/main.ts [--engine URL]`

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { open, silentLog } from 'posthorn'
import { serve } from 'posthorn/server'
import { createSigner, github } from 'posthorn/webhooks'
import { hash, type Delivery } from '../payload.ts'
import { App, plans, wants } from './app.ts'
import handlers, { deliveries, events, githubSecret } from './platform.ts'
import { formatTable } from './table.ts'

const AT_ONCE = 8
const PATIENCE_MS = 120_000

const folder = mkdtempSync(join(tmpdir(), 'fan-out-'))
const { engine = `file:${folder}` } = parseArgs({ options: { engine: { type: 'string' } } }).values
const post = await open(engine, { log: silentLog })
const server = await serve(post, { port: 0, callbackAllowRanges: ['127.0.0.0/8'] })
const worker = await post.work(handlers)
const apps = plans.map((plan) => new App(plan))

/** What a third party asks, with its own key: `hook` is its own, whatever others call theirs. */
async function ask(app: App, method: string, path: string, body: unknown): Promise<{ readonly secret: string }> {
  const headers = { 'authorization': `Bearer ${app.key}`, 'content-type': 'application/json' }
  const answer = await fetch(server.url + path, { method, headers, body: JSON.stringify(body) })
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${await answer.text()}`)
  return (await answer.json()) as { readonly secret: string }
}

for (const app of apps) {
  const { name, profile, types, suffix } = app.plan
  // The platform's part: who the app is, and what it may.
  await post.apps.create(name, { scopes: ['endpoint:**', `topic:${events.name}:subscribe`] })
  app.key = (await post.apps.addKey(name)).key
  // The app's own.
  const { secret } = await ask(app, 'PUT', '/v1/endpoints/hook', {
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
console.log(`
Posthorn: ${deliveries.length} GitHub events for three apps

  engine     ${engine.split(':', 1)[0]}
  platform   ${server.url}   GitHub delivers to /v1/sources/github; the apps ask with keys of their own
${apps.map(({ plan: { name, trouble } }) => `  ${name.padEnd(10)} ${trouble}`).join('\n')}
`)

/** When each event was on its way to the platform, by its type and content: some come more than once. */
const sentAt = new Map<string, number[]>()
const asked = apps.map(() => [] as string[])
const signer = createSigner({ profile: github, secrets: [githubSecret] })

async function deliver({ id, event, body }: Delivery): Promise<void> {
  const content = `${event} ${hash(body)}`
  const { repository } = JSON.parse(body.toString()) as { readonly repository?: { readonly full_name?: string } }
  for (const [at, { plan }] of apps.entries()) if (wants(plan, event, repository?.full_name)) asked[at]!.push(content)
  sentAt.set(content, [...(sentAt.get(content) ?? []), performance.now()])
  const { headers } = await signer({ id, type: event, body })
  const answer = await fetch(`${server.url}/v1/sources/github`, { method: 'POST', headers, body: new Uint8Array(body) })
  if (answer.status !== 202) throw new Error(`delivery ${id} was answered ${answer.status}: ${await answer.text()}`)
}

let next = 0
async function play(): Promise<void> {
  for (let at = next++; at < deliveries.length; at = next++) {
    await deliver(deliveries[at]!)
    if (at === Math.floor(deliveries.length / 2)) await rotate()
    if (at === Math.floor((deliveries.length * 3) / 4)) forgetOld()
  }
}

/** From here on both secrets sign; calls that are on their way are signed with the old one alone, so the app believes both for a while. */
let forgetOld = (): void => {}
async function rotate(): Promise<void> {
  const app = apps.find(({ plan }) => plan.rotates)!
  const { secret } = await ask(app, 'POST', '/v1/endpoints/hook/secrets/rotate', { overlap: '1h' })
  app.use(secret, app.secret)
  forgetOld = () => app.use(secret)
}
await Promise.all(Array.from({ length: AT_ONCE }, play))

const until = performance.now() + PATIENCE_MS
while (apps.some(({ taken }, at) => taken.length < asked[at]!.length) && performance.now() < until)
  await new Promise((resolve) => setTimeout(resolve, 50))

const isExact = (at: number): boolean =>
  JSON.stringify(apps[at]!.taken.map(({ content }) => content).sort()) === JSON.stringify(asked[at]!.toSorted())

console.log(
  `${deliveries.length} GitHub events were taken in, each answered when it was durable. What each app got of them:\n`,
)
const rows = apps.map(({ plan, taken, calls, refused }, at) => {
  const left = new Map([...sentAt].map(([content, times]) => [content, [...times]]))
  const delays = taken.map(({ content, atMs }) => atMs - (left.get(content)?.shift() ?? atMs)).sort((a, b) => a - b)
  const quantile = (q: number): number => Math.round(delays[Math.floor((delays.length - 1) * q)] ?? 0)
  const seconds = ((taken.at(-1)?.atMs ?? 0) - (taken[0]?.atMs ?? 0)) / 1_000
  return {
    'app': plan.name,
    'profile': plan.profile,
    'asked for': asked[at]!.length,
    'got': taken.length,
    'exactly those': isExact(at) ? 'yes' : 'NO',
    'delay p50': `${quantile(0.5)} ms`,
    'p99': `${quantile(0.99)} ms`,
    'events/s': seconds > 0 ? Math.round(taken.length / seconds) : 0,
    'calls': calls,
    'refused': refused,
    'reliability': `${Math.round((taken.length / calls) * 1_000) / 10} %`,
  }
})
console.log(formatTable(rows))

console.log(`
  delay        from GitHub's call to the app's acknowledgement; of the flaky one's, attempts that failed included
  events/s     from the app's first event to its last
  calls        what an app failed is called again, so that no event is lost
  refused      by the app, because the signature did not fit: none, also while a secret was rotated
  reliability  calls that succeeded, of all calls
`)
const holds = apps.every(({ refused }, at) => isExact(at) && refused === 0)
console.log(holds ? 'each app got exactly the events that it asked for' : 'NOT what was asked for')
process.exitCode = holds ? 0 : 1

await worker.stop()
await server.stop({ graceMs: 1_000 })
await post.close()
for (const app of apps) app.close()
rmSync(folder, { recursive: true })
