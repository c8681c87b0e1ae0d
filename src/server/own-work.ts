/**
 * Work of Posthorn's own that goes on beside requests: redrives and purges, completion callbacks. It ends with the server, with
 * the post at the latest, and alone it keeps no process alive.
 */
import { bindCallbacks, createGuard, type Allowance } from '../callback/index.ts'
import { Worker } from '../delivery/worker.ts'
import { CALLBACK_QUEUE } from '../operation/index.ts'
import { internalsOf, type Post } from '../posthorn.ts'
import { bindHandlers, InsideMark } from '../task/index.ts'
import { sweepHandlers } from './sweep/sweep-task.ts'

export class OwnWork {
  readonly #post: Post
  readonly #allowance: Allowance
  #running: Promise<{ stop(graceMs: number): Promise<void> }> | null = null

  constructor(post: Post, allowance: Allowance) {
    this.#post = post
    this.#allowance = allowance
  }

  async start(): Promise<void> {
    await (this.#running ??= this.#start())
  }

  async stop(graceMs: number): Promise<void> {
    const running = await this.#running
    await running?.stop(graceMs)
  }

  async #start(): Promise<{ stop(graceMs: number): Promise<void> }> {
    const internals = internalsOf(this.#post)
    const { clock } = internals
    const agent = createGuard({ rangesOf: this.#allowance.rangesOf })
    const sweeps = await bindHandlers({ ...internals, inside: new InsideMark(() => {}) }, sweepHandlers(this.#post))
    // Who allows no origin leaves callbacks that are on their way to a server that does.
    const callbacks = this.#allowance.isEmpty
      ? []
      : [bindCallbacks(CALLBACK_QUEUE, { clock, agent, allowance: this.#allowance })]
    const worker = new Worker(internals, [...sweeps, ...callbacks], {
      name: `server of process ${process.pid}`,
      keepAlive: () => ({ [Symbol.dispose]() {} }),
    })
    const stop = async (graceMs: number): Promise<void> => {
      await worker.stop({ grace: graceMs })
      await agent.destroy()
    }
    internals.closing.addEventListener('abort', () => void stop(0))
    await worker.start()
    return { stop }
  }
}
