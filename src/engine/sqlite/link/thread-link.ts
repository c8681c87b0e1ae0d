/** The host in a thread of its own. What there is much of is in memory that both share, everything else is cloned. */
import { Worker } from 'node:worker_threads'
import type { EngineLimits } from '../../sql/limit.ts'
import { toError } from '../fault.ts'
import type { Fault, Post, Reply, Ticks } from '../wire/request.ts'
import type { Link, LinkListener } from './link.ts'
import { SharedBuffers, SharedReader, type SharedBytes } from './shared-buffers.ts'

/** What the thread is started with. */
export interface ThreadOptions {
  readonly path: string
  readonly durability: 'disk' | 'os'
  readonly limits: EngineLimits
  readonly minFreeBytes: number
  /** The clock as it is now, where it is not the machine's. */
  readonly ticks: Ticks | null
}

export type FromThread =
  | { readonly opened: true }
  | { readonly fault: Fault }
  | { readonly reply: Omit<Reply, 'bytes'>; readonly shared: SharedBytes }

export interface ToThread {
  readonly shared: SharedBytes
  readonly ticks: Ticks | null
}

/** TypeScript in the repository, JavaScript in the package. */
const THREAD = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url)

export class ThreadLink implements Link {
  readonly buffers: SharedBuffers = new SharedBuffers()
  readonly #reader = new SharedReader()
  readonly #worker: Worker
  readonly #gone: Promise<void>
  #isEnding = false

  private constructor(worker: Worker) {
    this.#worker = worker
    this.#gone = new Promise((resolve) => worker.once('exit', () => resolve()))
  }

  /** @throws PosthornError as the opening does */
  static open(options: ThreadOptions, listener: LinkListener): Promise<ThreadLink> {
    const worker = new Worker(THREAD, { workerData: options, execArgv: [], name: 'posthorn-sqlite' })
    const link = new ThreadLink(worker)
    return new Promise((resolve, reject) => {
      worker.on('message', (message: FromThread) => {
        if ('reply' in message) link.#replied(message.reply, message.shared, listener)
        else if ('fault' in message) reject(toError(message.fault))
        else if ('opened' in message) resolve(link)
      })
      worker.on('error', (error) => {
        const fault = { code: 'engine-failed', message: `the database's thread failed: ${String(error)}`, details: {} }
        reject(toError(fault))
        listener.failed(fault)
      })
      worker.once('exit', () => {
        const fault = { code: 'engine-failed', message: "the database's thread has ended", details: {} }
        reject(toError(fault))
        if (!link.#isEnding) listener.failed(fault)
      })
    })
  }

  post(post: Post): void {
    this.#worker.postMessage({ shared: this.buffers.hand(post.bytes), ticks: post.ticks } satisfies ToThread)
  }

  #replied(reply: Omit<Reply, 'bytes'>, shared: SharedBytes, listener: LinkListener): void {
    const bytes = this.#reader.open(shared)
    listener.replied({ ...reply, bytes })
    this.#reader.close(bytes)
  }

  keepAlive(isBusy: boolean): void {
    if (isBusy) this.#worker.ref()
    else this.#worker.unref()
  }

  end(): Promise<void> {
    this.#isEnding = true
    return this.#gone
  }
}
