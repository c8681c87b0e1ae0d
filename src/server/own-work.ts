/**
 * Work of Posthorn's own that goes on beside requests: redrives and purges, completion callbacks. One worker per post, however
 * many handlers it is mounted as; it ends with the post at the latest.
 */
import type { Binding } from '../delivery/binding.ts'
import { Worker as DeliveryWorker } from '../delivery/worker.ts'
import { internalsOf, type Post, type Worker } from '../posthorn.ts'
import { sweepHandlers } from './sweep-task.ts'

interface Running {
  readonly handlers: Worker
  readonly callbacks: DeliveryWorker
}

interface Shared {
  readonly running: Promise<Running>
  users: number
}

const shared = new WeakMap<Post, Shared>()

export class OwnWork {
  readonly #post: Post
  readonly #bind: () => Binding
  #started: Shared | null = null

  /** @param bind called by the first of a post only */
  constructor(post: Post, bind: () => Binding) {
    this.#post = post
    this.#bind = bind
  }

  async start(): Promise<void> {
    if (this.#started !== null) return void (await this.#started.running)
    const entry = shared.get(this.#post) ?? { running: start(this.#post, this.#bind()), users: 0 }
    shared.set(this.#post, entry)
    entry.users++
    this.#started = entry
    await entry.running
  }

  async stop(graceMs: number): Promise<void> {
    const entry = this.#started
    this.#started = null
    if (entry === null || --entry.users > 0) return
    if (shared.get(this.#post) === entry) shared.delete(this.#post)
    const { handlers, callbacks } = await entry.running
    await Promise.all([handlers.stop({ grace: graceMs }), callbacks.stop({ grace: graceMs })])
  }
}

async function start(post: Post, callbacks: Binding): Promise<Running> {
  const internals = internalsOf(post)
  const worker = new DeliveryWorker(internals, [callbacks], { name: `callbacks of process ${process.pid}`, keepAlive: () => ({ [Symbol.dispose]() {} }) })
  await worker.start()
  internals.closing.addEventListener('abort', () => void worker.stop({ grace: 0 }))
  return { handlers: await post.work(sweepHandlers(post)), callbacks: worker }
}
