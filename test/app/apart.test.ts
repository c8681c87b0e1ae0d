// Two apps know nothing of each other: what one is answered is, byte for byte, what it would be answered if the other had never asked. Ids that
// Posthorn makes, secrets and hidden texts say nothing, and are compared by the order in which they come.

import { deepEqual, ok } from 'node:assert/strict'
import { after, before } from 'node:test'
import fc from 'fast-check'
import { seedOfRun } from '../seed.ts'
import { onEngines, placesIn } from '../engines.ts'
import { startReceiver, type Receiver } from '../callback/receiver.ts'
import { beginning, steps, type Step } from './step.ts'
import type { Known, Template } from './template.ts'
import { openWorld, type Asked, type Told, type World } from './world.ts'

const RUNS = Number(process.env['POSTHORN_RUNS'] ?? 150)
/** Of the runs, on engines that keep what they are told: each takes as long as ten, and what they differ in shows in few. */
const ELSEWHERE = 0.04
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const SECRET = /(?:whsec_|\*{4})[A-Za-z0-9+/=]+/g
const KEY = /key-[0-9a-f]{12}/g
const HIDDEN = /[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{2,}/g
const QUOTAS = { queues: 2, subscriptions: 2, operations: 3, bytes: 100, remembered: 6, ratePerSecond: 20 }

/** In which a change of an endpoint is known to whoever delivers, whatever else was changed at the time. */
const KNOWN_MS = 250

type App = 'acme' | 'beta'

let receiver: Receiver
before(async () => {
  receiver = await startReceiver(({ path, method }) => ({ status: path === '/no' || method !== 'POST' ? 400 : 204 }))
})
after(() => receiver[Symbol.dispose]())

/** What an app was told, as its client keeps it. */
class Memory {
  readonly #told: Record<Known['kind'], string[]> = { id: [], token: [], next: [], etag: [], position: [] }

  take({ headers, text }: Told): void {
    const etag = headers.get('etag')
    if (etag !== null) this.#told.etag.push(etag)
    this.#told.id.push(...(text.match(UUID) ?? []))
    for (const kind of ['token', 'next', 'position'] as const)
      for (const [, found] of text.matchAll(new RegExp(`"${kind}":"([^"]+)"`, 'g'))) this.#told[kind].push(found!)
  }

  /** The latest first. */
  known(kind: Known['kind'], at: number): string {
    const all = this.#told[kind]
    return all.at(-1 - (at % Math.max(1, all.length))) ?? 'nothing'
  }
}

/** Ids and hidden texts as numbers, in the order in which this app was first told them. */
class Names {
  readonly #names = new Map<string, string>()

  of(text: string): string {
    const named = (kind: string) => (found: string) => {
      if (!this.#names.has(found)) this.#names.set(found, `${kind}${this.#names.size}`)
      return this.#names.get(found)!
    }
    return text
      .replaceAll(SECRET, named('secret-'))
      .replaceAll(UUID, named('id-'))
      .replaceAll(KEY, named('key-of-'))
      .replaceAll(HIDDEN, named('hidden-'))
  }
}

function fill(template: Template, own: Memory, other: Memory): Asked {
  let text = JSON.stringify({ ...template, known: undefined }).replaceAll('{receiver}', receiver.url)
  for (const { kind, at, stolen } of template.known)
    text = text.replaceAll(`{${kind}}`, JSON.stringify((stolen ? other : own).known(kind, at)).slice(1, -1))
  return JSON.parse(text) as Asked
}

/** The answers to `who`. Without the other its steps are left out, and nothing can be stolen from it. */
async function answersTo(
  who: App,
  sequence: readonly Step[],
  withOther: boolean,
  world: World,
): Promise<readonly string[]> {
  const memories: Record<App, Memory> = { acme: new Memory(), beta: new Memory() }
  const nobody = new Memory()
  const names = new Names()
  const answers: string[] = []
  for (const step of [...beginning, ...sequence]) {
    switch (step.do) {
      case 'advance':
        await world.pass(step.ms)
        break
      case 'work':
        await world.work()
        break
      case 'publish':
        await world.ask('platform', {
          method: 'POST',
          path: `/v1/topics/${step.topic}/events?type=${step.type}`,
          headers: { 'posthorn-key': 'k1' },
          body: { n: step.n },
        })
        break
      case 'ask': {
        const isSettled = step.asked.method === 'GET' || !step.asked.path.startsWith('/v1/endpoints/')
        if (step.who !== who && !withOther) {
          if (!isSettled) await world.pass(KNOWN_MS)
          break
        }
        const own = memories[step.who]
        // The one who is looked at steals nothing: that would be something of the other's in its own question.
        const asked = fill(step.asked, own, step.who === who ? nobody : memories[who])
        const told = await world.ask(step.who, asked)
        ok(told.status < 500, `${asked.method} ${asked.path}: ${told.text}`)
        own.take(told)
        if (!isSettled) await world.pass(KNOWN_MS)
        if (step.who === who) answers.push(names.of(show(asked, told)))
      }
    }
  }
  return answers
}

function show({ method, path }: Asked, { status, headers, text }: Told): string {
  const shown = [...headers].map(([name, value]) => `${name}: ${value}`).join('\n')
  return `${method} ${path} → ${status}\n${shown}\n${text}`
}

async function checkApart(url: () => string, who: App, sequence: readonly Step[], tight: boolean): Promise<void> {
  const options = tight
    ? { watched: who, receiver: receiver.url, quotas: QUOTAS }
    : { watched: who, receiver: receiver.url }
  await using both = await openWorld({ ...options, url: url() })
  await using alone = await openWorld({ ...options, url: url() })
  deepEqual(await answersTo(who, sequence, true, both), await answersTo(who, sequence, false, alone))
}

async function holds(url: () => string, runs: number): Promise<void> {
  const seed = seedOfRun()
  const property = fc.asyncProperty(fc.constantFrom<App>('acme', 'beta'), steps, fc.boolean(), (who, sequence, tight) =>
    checkApart(url, who, sequence, tight),
  )
  await fc.assert(property, { seed, numRuns: runs })
}

onEngines('what an app is answered does not depend on another', (url) =>
  holds(placesIn(url), url === 'memory:' ? RUNS : Math.ceil(RUNS * ELSEWHERE)),
)
