/**
 * Posthorn's engine driven directly by its contract, to tell what the floors above it cost: one commit a send, leases of
 * `--batch`, one commit an ack.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../src/core/clock.ts'
import type { Delivery, Engine } from '../src/core/engine.ts'
import { createIds } from '../src/core/id.ts'
import { DEFAULT_PRIORITY, type Message } from '../src/core/message.ts'
import { DEFAULT_QUEUE } from '../src/core/settings.ts'
import { internalsOf, open, type Post } from '../src/posthorn.ts'
import {
  handleAtOnce,
  type Contestant,
  type ContestantOptions,
  type Limits,
  type Work,
  type Working,
} from './contestant.ts'
import { packageVersion } from './package-version.ts'
import { promise, urlOfFolder } from './posthorn.ts'

const LEASE_MS = 30_000
/** Hints may be lost, so nobody waits longer for one. */
const HINT_MS = 1000

const ids = createIds(systemClock)

export class PosthornEngine implements Contestant {
  readonly name = 'posthorn'
  readonly version = packageVersion('posthorn')
  durability = ''
  readonly #options: ContestantOptions
  readonly #queue = `bench-${process.pid}-${Date.now()}`
  #folder: string | null = null
  #post: Post | null = null
  #engine: Engine | null = null
  #worker: LeaseLoop | null = null

  constructor(options: ContestantOptions) {
    this.#options = options
  }

  async setUp(): Promise<void> {
    if (this.#options.engine === null) this.#folder = mkdtempSync(join(this.#options.dir, 'posthorn-bench-'))
    this.#post = await open(this.#options.engine ?? urlOfFolder(this.#folder!))
    const { engine } = internalsOf(this.#post)
    this.#engine = engine
    this.durability = promise(engine.capabilities.durability.at(-1) ?? 'memory')
    const settings = { ...DEFAULT_QUEUE, limit: { messages: null, bytes: null } }
    await engine.commit([{ changes: [{ do: 'configure', queue: this.#queue, settings }] }])
  }

  send(work: Work): Promise<void> {
    return this.sendMany([work])
  }

  async sendMany(works: readonly Work[]): Promise<void> {
    const changes = works.map((work) => ({ do: 'send', queue: this.#queue, message: toMessage(work) }) as const)
    const [result] = await this.#engine!.commit([{ changes }])
    if (result?.status !== 'committed') throw new Error(`a send was refused: ${result?.detail}`)
  }

  async work(limits: Limits, started: (n: number) => void): Promise<Working> {
    this.#worker = new LeaseLoop(this.#engine!, this.#queue, limits, started)
    return this.#worker
  }

  async tearDown(): Promise<void> {
    await this.#worker?.stop()
    await this.#post?.queue(this.#queue).purge()
    await this.#post?.close()
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true })
  }
}

function toMessage(work: Work): Message {
  const id = ids.uuid()
  const event = { id, source: 'posthorn:', type: 'posthorn.queue.bench', datacontenttype: 'application/json' }
  return { id, event, body: Buffer.from(JSON.stringify(work)), priority: DEFAULT_PRIORITY }
}

/** The least that a worker is: leases while there is room, acks each message by itself, and waits for hints. */
class LeaseLoop implements Working {
  readonly #engine: Engine
  readonly #queue: string
  readonly #limits: Limits
  readonly #started: (n: number) => void
  readonly #watch: Disposable
  readonly #loop: Promise<void>
  #running = 0
  #leases = 0
  #stopped = false
  #hinted = false
  #wake: (() => void) | null = null
  #idle: (() => void) | null = null

  constructor(engine: Engine, queue: string, limits: Limits, started: (n: number) => void) {
    this.#engine = engine
    this.#queue = queue
    this.#limits = limits
    this.#started = started
    this.#watch = engine.watch({ queues: [queue] }, () => {
      this.#hinted = true
      this.#wake?.()
    })
    this.#loop = this.#run().catch((error: unknown) => console.error(error))
  }

  async #run(): Promise<void> {
    const { handlers, batch } = this.#limits
    const max = Math.min(handlers, batch)
    while (!this.#stopped) {
      if (this.#running > handlers - max) await this.#woken()
      else if (!(await this.#lease(max)) && !this.#hinted) await this.#woken(HINT_MS)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#watch[Symbol.dispose]()
    this.#wake?.()
    await this.#loop
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  /** Whether there was anything. */
  async #lease(max: number): Promise<boolean> {
    this.#hinted = false
    const id = `${process.pid}-${++this.#leases}`
    const request = {
      id,
      worker: 'bench',
      holder: 'process',
      leaseMs: LEASE_MS,
      wants: [{ queue: this.#queue, max }],
    } as const
    const { deliveries } = await this.#engine.lease(request)
    for (const delivery of deliveries) void this.#handle(delivery)
    return deliveries.length > 0
  }

  async #handle({ token, stored }: Delivery): Promise<void> {
    this.#running++
    const { body } = stored.message
    await handleAtOnce(
      JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as Work,
      this.#started,
    )
    const [result] = await this.#engine.commit([{ changes: [{ do: 'ack', token }] }])
    if (result?.status !== 'committed') console.error(`an ack was refused: ${result?.detail}`)
    this.#running--
    if (this.#running <= this.#limits.handlers - Math.min(this.#limits.handlers, this.#limits.batch)) this.#wake?.()
    if (this.#running === 0) this.#idle?.()
  }

  async #woken(longestMs?: number): Promise<void> {
    if (this.#stopped) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const late = longestMs === undefined ? undefined : setTimeout(resolve, longestMs)
    await promise
    clearTimeout(late)
    this.#wake = null
  }
}
