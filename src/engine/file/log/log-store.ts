/**
 * The ledger's store that is a log: gathers what was decided in the open frame, writes it, and makes it durable for all who wait
 * with one sync, while the next frame fills. Any error of the disk stops it for good: nothing is trusted that was written after.
 */
import type { Durability } from '../../../core/engine.ts'
import { PosthornError, describeError } from '../../../core/error.ts'
import type { Entries } from '../../ledger/entries.ts'
import type { Store, StoreListener } from '../../ledger/store.ts'
import type { LogBlocks } from '../block/blocks.ts'
import { EntryEncoder } from '../codec/encode.ts'
import type { Log } from './log.ts'
import type { LogMeasures } from './log-measures.ts'
import type { Shelf } from './shelf.ts'
import type { Space } from './space.ts'

export interface LogStoreDeps {
  readonly folder: string
  readonly log: Log
  readonly shelf: Shelf
  readonly blocks: LogBlocks
  readonly durability: 'os' | 'disk'
  readonly space: Space
  readonly measures: LogMeasures
}

interface Waiting {
  readonly frame: number
  readonly promise: PromiseWithResolvers<void>
}

/** A frame that has grown so large is not kept open for more. */
const LARGE_FRAME_BYTES = 512 << 10

export class LogStore implements Store {
  readonly engine = 'file'
  readonly durability: readonly Durability[]
  readonly entries: Entries
  readonly blocks: LogBlocks
  readonly #deps: LogStoreDeps
  readonly #log: Log
  #listener: StoreListener | null = null
  /** The last frame that the ledger was told of as written. */
  #told: number
  /** Somebody waits until this frame is durable. */
  #asked = 0
  #scheduled = false
  #syncing = false
  #waiting: Waiting[] = []
  #failure: PosthornError | null = null
  #onProgress: () => void = () => {}
  #onRefusal: () => void = () => {}
  #onClose: () => Promise<void> = async () => {}
  #closing: Promise<void> | null = null

  constructor(deps: LogStoreDeps) {
    this.#deps = deps
    this.#log = deps.log
    this.#told = deps.log.written
    this.blocks = deps.blocks
    this.entries = new EntryEncoder(deps.log.writer)
    this.durability = deps.durability === 'os' ? ['os'] : ['os', 'disk']
  }

  get frame(): number {
    return this.#log.open
  }

  /** Why it has stopped; null while it runs. */
  get failure(): PosthornError | null {
    return this.#failure
  }

  reached(level: Durability): number {
    if (level === 'disk') return this.#log.synced
    // Where no more is promised, what is confirmed must be ready to be handed out: it is once the ledger has been told.
    return this.#syncs ? this.#log.written : this.#told
  }

  attach(listener: StoreListener): void {
    this.#listener = listener
  }

  /** What goes on beside commits: after frames were written or synced, where new messages are refused, and before the files are closed. */
  maintain(upkeep: { onProgress(): void; onRefusal(): void; onClose(): Promise<void> }): void {
    this.#onProgress = () => upkeep.onProgress()
    this.#onRefusal = () => upkeep.onRefusal()
    this.#onClose = () => upkeep.onClose()
  }

  sync(commits = 1): void {
    if (this.#failure !== null) return
    const { writer } = this.#log
    if (writer.openBytes > LARGE_FRAME_BYTES) this.#closeFrame()
    this.#deps.measures.asked(commits)
    this.#asked = writer.isOpen ? this.#log.open : this.#log.written
    this.#schedule()
  }

  /** @throws PosthornError `engine-failed` */
  write(): void {
    this.#closeFrame()
    if (this.#failure !== null) throw this.#failure
  }

  /** Resolves when the frame is durable, whatever the engine's own level is. */
  durable(frame: number): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (this.#log.synced >= frame) return Promise.resolve()
    const waiting = { frame, promise: Promise.withResolvers<void>() }
    this.#waiting.push(waiting)
    this.sync()
    return waiting.promise.promise
  }

  refusal(): string | null {
    const refusal = this.#deps.space.refusal()
    if (refusal !== null) this.#onRefusal()
    return refusal
  }

  abandon(): void {
    this.#failure ??= new PosthornError('engine-failed', `the log in ${this.#deps.folder} was abandoned`)
    for (const { promise } of this.#takeWaiting(() => true)) promise.reject(this.#failure)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  #schedule(): void {
    if (this.#scheduled || (this.#syncing && this.#syncs)) return
    this.#scheduled = true
    // Callers whose promises are a few steps apart come together in one frame. To wait longer costs more than it gathers.
    setImmediate(() => this.#flush())
  }

  /** Whether commits wait for syncs. */
  get #syncs(): boolean {
    return this.#deps.durability === 'disk'
  }

  #flush(): void {
    this.#scheduled = false
    this.#closeFrame()
    if (this.#failure !== null) return
    this.#told = this.#log.written
    this.#listener?.reached('os', this.#told)
    if (this.#syncing) return
    if (this.#asked > this.#log.synced && (this.#syncs || this.#waiting.length > 0)) void this.#sync()
    else this.#onProgress()
  }

  async #sync(): Promise<void> {
    this.#syncing = true
    this.#deps.measures.begun()
    try {
      await this.#log.sync()
    } catch (error) {
      return this.#fail(error)
    } finally {
      this.#syncing = false
    }
    const { synced } = this.#log
    if (this.#syncs) this.#listener?.reached('disk', synced)
    for (const { promise } of this.#takeWaiting((waiting) => waiting.frame <= synced)) promise.resolve()
    this.#onProgress()
    if ((this.#syncs && this.#asked > synced) || this.#waiting.length > 0) this.#schedule()
    else setImmediate(() => this.#closing === null && this.mark())
  }

  /**
   * Where nobody has come meanwhile, and at a close, an empty frame says that the last one is durable: else damage to it would look like a torn tail. It is
   * not synced, and where it is lost nothing is.
   */
  mark(): void {
    if (this.#failure !== null || this.#scheduled || this.#syncing || this.#log.written > this.#log.synced) return
    if (this.#log.writer.isOpen) return
    this.#log.writer.need(0)
    this.#closeFrame()
  }

  #closeFrame(): void {
    if (this.#failure !== null) return
    try {
      this.#log.close()
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    if (this.#failure !== null) return
    const { message } = describeError(error)
    const failure = new PosthornError(
      'engine-failed',
      `the log in ${this.#deps.folder} cannot be written (${message}): the engine has stopped; what was confirmed is safe, open it again when the disk is sound`,
      { cause: error },
    )
    this.#failure = failure
    for (const { promise } of this.#takeWaiting(() => true)) promise.reject(failure)
    // Never from inside a call of the ledger.
    queueMicrotask(() => this.#listener?.failed(failure))
  }

  #takeWaiting(which: (waiting: Waiting) => boolean): Waiting[] {
    const taken = this.#waiting.filter(which)
    this.#waiting = this.#waiting.filter((waiting) => !taken.includes(waiting))
    return taken
  }

  async #close(): Promise<void> {
    try {
      this.#closeFrame()
      if (this.#failure === null) await this.durable(this.#log.written)
    } catch {
      // Whoever waited has been told; what remains is to let go.
    }
    await this.#onClose()
    this.#listener = null
    this.#deps.shelf.close()
  }
}
