/**
 * Many processes on one queue: eight that send and four that handle, against one of each. All begin at a word, and what was sent and
 * handled within the same seconds counts. Who sends rests while much waits: else eight would have more of the processors than the four who handle,
 * and what goes through would not be measured.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { scheduler } from 'node:timers/promises'
import { handle, open, task } from 'posthorn'
import { posthornUrl } from './contestant.ts'
import { Server, since } from './server.ts'

const PRODUCERS = 8
const WORKERS = 4
const CALLERS = 100
const HANDLERS = 200
/** Twelve processes compile their code on the processors that they work on. */
const WARM_UP_MS = 10_000
const MOST_WAITING = 10_000
const TELLS_EVERY_MS = 50

type Role = 'produce' | 'work'

interface Counted {
  readonly sent: number
  readonly handled: number
  readonly deadlocks: number
}

const ANY = { '~standard': { version: 1, vendor: 'bench', validate: (value: unknown) => ({ value }) } } as const
const WORK = task('crowd', { input: ANY })

export async function crowd(url: string, rounds: number, seconds: number): Promise<string> {
  const pairs: Counted[] = []
  const crowds: Counted[] = []
  for (let round = 0; round < rounds; round++) {
    pairs.push(await together(url, 1, 1, seconds))
    crowds.push(await together(url, PRODUCERS, WORKERS, seconds))
  }
  const best = (all: readonly Counted[], field: 'sent' | 'handled'): number =>
    Math.max(...all.map((each) => each[field] / seconds))
  const line = (title: string, all: readonly Counted[]): string =>
    `${title}: ${Math.round(best(all, 'sent'))}/s sent, ${Math.round(best(all, 'handled'))}/s handled, ${all.reduce((sum, { deadlocks }) => sum + deadlocks, 0)} deadlocks`
  const ratios = (['sent', 'handled'] as const).map((field) => best(crowds, field) / best(pairs, field))
  const isMet = ratios.every((ratio) => ratio >= 1)
  return [
    `crowd, the best of ${rounds} rounds\n`,
    line('one sends, one handles', pairs),
    line(`${PRODUCERS} send, ${WORKERS} handle`, crowds),
    `sent ${ratios[0]!.toFixed(2)}x, handled ${ratios[1]!.toFixed(2)}x (at least 1x: ${isMet ? 'yes' : 'no'})`,
  ].join('\n')
}

async function together(url: string, producers: number, workers: number, seconds: number): Promise<Counted> {
  const server = new Server(url)
  const schema = `posthorn_bench_${process.pid}`
  try {
    const setUp = await open(posthornUrl(url, schema))
    await setUp.queue('task:crowd').configure({ limit: { messages: null, bytes: null } })
    await setUp.close()
    const before = await server.spent()
    const valve = new Valve()
    const args = { url, schema, seconds }
    const [sent, handled] = await Promise.all([
      counted(valve, 'produce', producers, args),
      counted(valve, 'work', workers, args),
    ])
    return { sent, handled, deadlocks: since(before, await server.spent()).deadlocks }
  } finally {
    await server.drop(schema)
  }
}

async function counted(
  valve: Valve,
  role: Role,
  count: number,
  args: { readonly url: string; readonly schema: string; readonly seconds: number },
): Promise<number> {
  const children = Array.from({ length: count }, () => start(valve, role, args))
  await Promise.all(children.map(({ ready }) => ready))
  for (const { child } of children) child.stdin!.end('go\n')
  const counts = await Promise.all(children.map(({ counts: each }) => each))
  return counts.reduce((sum, each) => sum + each, 0)
}

/** Lets those who send rest while so many wait, by what each process says that it has done. */
class Valve {
  readonly #done = new Map<ChildProcess, { readonly role: Role; done: number }>()
  #isShut = false

  add(child: ChildProcess, role: Role): void {
    const entry = { role, done: 0 }
    this.#done.set(child, entry)
    child.on('message', (done: number) => {
      entry.done = done
      this.#turn()
    })
  }

  #turn(): void {
    let waiting = 0
    for (const { role, done } of this.#done.values()) waiting += role === 'produce' ? done : -done
    if (waiting > MOST_WAITING === this.#isShut) return
    this.#isShut = !this.#isShut
    for (const [child, { role }] of this.#done) if (role === 'produce' && child.connected) child.send(this.#isShut)
  }
}

function start(valve: Valve, role: Role, { url, schema, seconds }: Omit<RoleOf, 'role'> & { readonly url: string }) {
  const only = JSON.stringify({ role, schema, seconds })
  const args = [join(import.meta.dirname, 'main.ts'), '--url', url, '--only', only]
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe', 'ipc'] })
  valve.add(child, role)
  const ready = once(child.stderr!, 'data')
  const counts = Promise.all([text(child.stdout!), once(child, 'exit')]).then(([out, [code]]) => {
    if (code !== 0) throw new Error(`${role} failed`)
    return Number(out)
  })
  return { child, ready, counts }
}

/** In a process of its own: prints how many it did in the seconds after a warm-up. */
export async function playRole(url: string, { role, schema, seconds }: RoleOf): Promise<void> {
  const post = await open(posthornUrl(url, schema))
  const input = { text: 'x'.repeat(245) }
  let done = 0
  const worker =
    role === 'work' ? await post.work([handle(WORK, async () => void done++, { concurrency: HANDLERS })]) : null
  console.error('ready')
  for await (const _ of createInterface(process.stdin)) break
  const over = new AbortController()
  const telling = setInterval(() => process.send?.(done), TELLS_EVERY_MS)
  const door = { rest: null as PromiseWithResolvers<void> | null }
  process.on('message', (isShut: boolean) => {
    door.rest?.resolve()
    door.rest = isShut ? Promise.withResolvers() : null
  })
  const call = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await door.rest?.promise
      await post.send(WORK, input)
      done++
    }
  }
  const calls = role === 'produce' ? Array.from({ length: CALLERS }, call) : []
  await scheduler.wait(WARM_UP_MS)
  const before = done
  await scheduler.wait(seconds * 1_000)
  const count = done - before
  over.abort()
  door.rest?.resolve()
  clearInterval(telling)
  await Promise.all(calls)
  await worker?.stop()
  await post.close()
  process.disconnect()
  console.log(count)
}

export interface RoleOf {
  readonly role: Role
  readonly schema: string
  readonly seconds: number
}
