/** Posthorn through its public API, as a user's program uses it: `open`, a queue, `send`, and `work` with one handler. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { handle, open, queue, task, type Post, type Queue, type Worker } from 'posthorn'
import {
  handleAtOnce,
  type Contestant,
  type ContestantOptions,
  type Limits,
  type Work,
  type Working,
} from './contestant.ts'
import { packageVersion } from './package-version.ts'

/** Says yes to everything, so that what is measured is Posthorn and not a library for validation. */
const ANY_WORK: StandardSchemaV1<Work> = {
  '~standard': { version: 1, vendor: 'bench', validate: (value) => ({ value: value as Work }) },
}

export class Posthorn implements Contestant {
  readonly name = 'posthorn'
  readonly version = packageVersion('posthorn')
  durability = ''
  readonly #options: ContestantOptions
  /** Sent and handled alike, whichever it is. */
  readonly #queue: Queue<Work, Work>
  readonly #queueName: string
  readonly #isDropped: boolean
  #folder: string | null = null
  #post: Post | null = null
  #worker: Worker | null = null

  /**
   * @param contract of a task what the handler gave is kept as well, of a queue nothing
   * @param isDropped all that the engine keeps is thrown away afterwards, so nothing is purged
   */
  constructor(options: ContestantOptions, contract: 'queue' | 'task' = 'queue', isDropped = false) {
    this.#options = options
    this.#isDropped = isDropped
    const name = `bench-${process.pid}-${Date.now()}`
    const made = contract === 'task' ? task(name, { input: ANY_WORK }) : queue(name, { data: ANY_WORK })
    this.#queue = made as Queue<Work, Work>
    this.#queueName = contract === 'task' ? `task:${name}` : name
  }

  async setUp(): Promise<void> {
    if (this.#options.engine === null) this.#folder = mkdtempSync(join(this.#options.dir, 'posthorn-bench-'))
    this.#post = await open(this.#options.engine ?? urlOfFolder(this.#folder!))
    // Runs that only send go beyond the default of a million.
    await this.#post.queue(this.#queueName).configure({ limit: { messages: null, bytes: null } })
    const probe = queue(`${this.#queue.name}.probe`, { data: ANY_WORK })
    const { durability } = await this.#post.send(probe, { n: 0, text: '' })
    this.durability = promise(durability)
  }

  send(work: Work): Promise<unknown> {
    return this.#post!.send(this.#queue, work)
  }

  async sendMany(works: readonly Work[]): Promise<void> {
    await this.#post!.commit((effects) => {
      for (const work of works) effects.send(this.#queue, work)
    })
  }

  async work({ handlers }: Limits, started: (n: number) => void): Promise<Working> {
    const worker = await this.#post!.work([
      handle(this.#queue, (work) => handleAtOnce(work, started), { concurrency: handlers }),
    ])
    this.#worker = worker
    return { stop: () => worker.stop() }
  }

  async tearDown(): Promise<void> {
    await this.#worker?.stop()
    if (!this.#isDropped) await this.#post?.queue(this.#queueName).purge()
    await this.#post?.close()
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true })
  }
}

export function urlOfFolder(folder: string): string {
  return `file:${pathToFileURL(folder).pathname}`
}

export function promise(durability: string): string {
  const promises: Readonly<Record<string, string>> = {
    memory: 'none: in memory',
    os: 'written before the answer, acks too',
    disk: 'fsync before the answer, acks too',
  }
  return promises[durability] ?? durability
}
