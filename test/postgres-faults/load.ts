// Load on one schema: senders here, workers in processes of their own; and the verdict on what is left when all is handled.

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { open, silentLog, type Post } from 'posthorn'
import type { Client } from '../postgres/client.ts'
import { work } from './contract.ts'

const SENDERS = 8
const KEYS = 3

export interface LoadOptions {
  /** Of the engine, with its schema. */
  readonly url: string
  readonly schema: string
  readonly workers: number
}

export interface Verdict {
  readonly confirmed: number
  readonly unknown: number
  readonly breaches: readonly string[]
}

export class Load {
  readonly workers: ChildProcess[] = []
  readonly #sweepers: ChildProcess[] = []
  readonly #options: LoadOptions
  readonly #confirmed = new Set<number>()
  readonly #unknown = new Set<number>()
  #post: Post | null = null
  #senders: readonly Promise<void>[] = []
  #count = 0
  #isOver = false

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** Sends that were confirmed so far. */
  get confirmed(): number {
    return this.#confirmed.size
  }

  async start(): Promise<void> {
    this.#post = await open(this.#options.url, { log: silentLog })
    await Promise.all(Array.from({ length: this.#options.workers }, () => this.addWorker()))
    this.#senders = Array.from({ length: SENDERS }, (_, at) => this.#send(at < KEYS ? `key-${at}` : null))
  }

  addWorker(): Promise<void> {
    return add(this.workers, 'worker.ts', [this.#options.url])
  }

  addSweeper(): Promise<void> {
    const url = new URL(this.#options.url)
    url.searchParams.delete('schema')
    return add(this.#sweepers, 'sweeper.ts', [url.href, this.#options.schema])
  }

  /** Kills the oldest, and another comes. */
  async replaceWorker(): Promise<void> {
    await Promise.all([killOldest(this.workers), this.addWorker()])
  }

  async replaceSweeper(): Promise<void> {
    await Promise.all([killOldest(this.#sweepers), this.addSweeper()])
  }

  async #send(key: string | null): Promise<void> {
    while (!this.#isOver) {
      const n = this.#count++
      try {
        const delay = n % 10 === 0 && key === null ? { delay: '30ms' as const } : {}
        await this.#post!.send(work, { n, key }, { ...delay, ...(key === null ? {} : { key }) })
        this.#confirmed.add(n)
      } catch {
        this.#unknown.add(n)
      }
      await sleep(4)
    }
  }

  /** No more is sent; resolves when all is handled. */
  async finish(admin: Client, withinMs: number): Promise<Verdict> {
    this.#isOver = true
    await Promise.all(this.#senders)
    const untilMs = performance.now() + withinMs
    while ((await this.#left(admin)) > 0) {
      if (performance.now() > untilMs) return this.#verdict(['what is left is not handled: the workers stand still'])
      await sleep(20)
    }
    return this.#verdict(await this.#breaches(admin))
  }

  #verdict(breaches: readonly string[]): Verdict {
    return { confirmed: this.#confirmed.size, unknown: this.#unknown.size, breaches }
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.allSettled(this.#senders)
    for (const child of [...this.workers, ...this.#sweepers]) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await this.#post?.close()
  }

  /** How many runs have ended, as all who look see it. */
  async handled(admin: Client): Promise<number> {
    return this.#number(
      admin,
      `select coalesce(sum(t.living), 0)::int as count from {schema}.tally t join {schema}.queue q using (queue) where q.name = 'done'`,
    )
  }

  #left(admin: Client): Promise<number> {
    return this.#number(
      admin,
      `select count(*)::int as count from {schema}.message m join {schema}.queue q using (queue) where q.name = 'task:work'`,
    )
  }

  async #breaches(admin: Client): Promise<readonly string[]> {
    const ask = async (text: string): Promise<readonly Record<string, unknown>[]> =>
      (await admin.query(text.replaceAll('{schema}', this.#options.schema))).rows
    const rows = await ask(
      `select (convert_from(m.body, 'utf8')::json ->> 'n')::int as n, count(*)::int as count
       from {schema}.message m join {schema}.queue q using (queue) where q.name = 'done' group by 1`,
    )
    const counts = new Map(rows.map(({ n, count }) => [n as number, count as number]))
    const disorder = await ask("select key from {schema}.record where key like '%disorder/%'")
    const dead = await ask('select id from {schema}.past where state = 5')
    return [
      ...[...this.#confirmed].flatMap((n) => (counts.has(n) ? [] : [`lost: ${n} was confirmed`])),
      ...[...counts].flatMap(([n, count]) => (count > 1 ? [`doubled: ${n} has ${count} effects`] : [])),
      ...[...counts.keys()].flatMap((n) => (this.#confirmed.has(n) || this.#unknown.has(n) ? [] : [`invented: ${n}`])),
      ...disorder.map(({ key }) => `out of order: ${String(key)}`),
      ...dead.map(({ id }) => `dead: ${String(id)}`),
    ]
  }

  async #number(admin: Client, text: string): Promise<number> {
    const { rows } = await admin.query(text.replaceAll('{schema}', this.#options.schema))
    return rows[0]!['count'] as number
  }
}

async function add(children: ChildProcess[], program: string, values: readonly string[]): Promise<void> {
  const child = fork(join(import.meta.dirname, program), values, { stdio: 'inherit' })
  children.push(child)
  await once(child, 'message')
}

async function killOldest(children: ChildProcess[]): Promise<void> {
  const victim = children.shift()!
  victim.kill('SIGKILL')
  await once(victim, 'exit')
}
