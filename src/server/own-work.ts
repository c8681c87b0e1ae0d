/**
 * Work of Posthorn's own that goes on beside requests: redrives and purges, completion callbacks. One worker per post, however
 * many handlers it is mounted as; it ends with the post at the latest, and alone it keeps no process alive.
 */
import type { Binding } from '../delivery/binding.ts'
import { Worker } from '../delivery/worker.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { bindHandlers, InsideMark } from '../task/index.ts'
import { sweepHandlers } from './sweep-task.ts'

interface Shared {
  readonly worker: Promise<Worker>
  users: number
}

const shared = new WeakMap<Post, Shared>()

export class OwnWork {
  readonly #post: Post
  readonly #bind: () => Binding
  #started: Shared | null = null

  /** @param bind makes the binding of callbacks; asked for by the first of a post only */
  constructor(post: Post, bind: () => Binding) {
    this.#post = post
    this.#bind = bind
  }

  async start(): Promise<void> {
    if (this.#started === null) {
      const entry = shared.get(this.#post) ?? { worker: start(this.#post, this.#bind()), users: 0 }
      shared.set(this.#post, entry)
      entry.users++
      this.#started = entry
    }
    await this.#started.worker
  }

  async stop(graceMs: number): Promise<void> {
    const entry = this.#started
    this.#started = null
    if (entry === null || --entry.users > 0) return
    if (shared.get(this.#post) === entry) shared.delete(this.#post)
    await (await entry.worker).stop({ grace: graceMs })
  }
}

async function start(post: Post, callbacks: Binding): Promise<Worker> {
  const internals = internalsOf(post)
  const sweeps = await bindHandlers({ ...internals, inside: new InsideMark(() => {}) }, sweepHandlers(post))
  const worker = new Worker(internals, [...sweeps, callbacks], {
    name: `server of process ${process.pid}`,
    keepAlive: () => ({ [Symbol.dispose]() {} }),
  })
  internals.closing.addEventListener('abort', () => void worker.stop({ grace: 0 }))
  await worker.start()
  return worker
}
