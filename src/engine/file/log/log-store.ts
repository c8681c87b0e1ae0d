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
import { Load } from './load.ts'
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
  readonly limits: EarlyLimits
}

export interface EarlyLimits {
  /**
   * With so many commits in the open frame a sync begins at once: the disk works while others are being decided, and not only when all
   * have been.
   */
  readonly earlyCommits: number
  /** Not where the thread is at work for so much of its time: then a sync more costs more than the wait that it saves. */
  readonly busyShare: number
}

export const EARLY_LIMITS: EarlyLimits = { earlyCommits: 32, busyShare: 0.85 }

interface Waiting {
  readonly frame: number
  readonly promise: PromiseWithResolvers<void>
}

/** Syncs at once: one that the disk works at, and one that it finds when it has. */
const MOST_UNDER_WAY = 2
/** A frame that has grown so large is not kept open for more. */
const LARGE_FRAME_BYTES = 512 << 10
/**
 * Turns of the event loop that those wait who are patient. While there is other work a turn takes about as long as a sync, and the thread pays
 * for each sync that it asks for; where there is none, turns cost nothing.
 */
const PATIENT_TURNS = 3

export class LogStore implements Store {
  readonly engine = 'file'
  readonly durability: readonly Durability[]
  readonly entries: Entries
  readonly blocks: LogBlocks
  readonly #deps: LogStoreDeps
  readonly #log: Log
  readonly #load: Load
  #listener: StoreListener | null = null
  /** The last frames that the ledger was told of as written, and as durable. */
  #told: number
  #toldSynced: number
  /** Commits since the last frame was closed. */
  #gathered = 0
  /** Somebody waits until this frame is durable. */
  #asked = 0
  /** Turns of the event loop until the open frame is closed; 0: that is not scheduled. */
  #turns = 0
  /** Somebody who waits for the open frame does nothing else meanwhile. */
  #isUrgent = false
  /** Calls of `sync` in this turn of the event loop. */
  #calls = 0
  /** In the last turn in which anybody called, nobody else did. */
  #isAlone = true
  #underWay = 0
  #waiting: Waiting[] = []
  #failure: PosthornError | null = null
  #onProgress: () => void = () => {}
  #onRefusal: () => void = () => {}
  #onClose: () => Promise<void> = async () => {}
  #closing: Promise<void> | null = null

  constructor(deps: LogStoreDeps) {
    this.#deps = deps
    this.#log = deps.log
    this.#load = new Load(deps.limits.busyShare)
    this.#told = deps.log.written
    this.#toldSynced = deps.log.synced
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
    // What is confirmed must be ready to be handed out: it is once the ledger has been told.
    if (level === 'disk') return this.#toldSynced
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

  sync(commits = 1, isPatient = false): void {
    if (this.#failure !== null) return
    const { writer } = this.#log
    if (writer.openBytes > LARGE_FRAME_BYTES) this.#closeFrame()
    this.#deps.measures.asked(commits)
    this.#asked = writer.isOpen ? this.#log.open : this.#log.written
    this.#gathered += commits
    if (!isPatient) this.#isUrgent = true
    if (++this.#calls === 1) setImmediate(this.#endTurn)
    if (this.#syncEarly()) return
    // When all promises that are settled now have had their turn.
    if (this.#isUrgent && this.#waitsForNobody) process.nextTick(this.#flush, true)
    else this.#schedule()
  }

  /** For a caller alone: with others a sync is under way, or comes later. */
  expectSync(): void {
    if (this.#isAlone && this.#calls === 0 && this.#syncs && this.#underWay === 0) this.#log.expectSync()
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

  /** Whether enough wait already, and a sync has begun for them. */
  #syncEarly(): boolean {
    const { earlyCommits } = this.#deps.limits
    const { writer } = this.#log
    if (!this.#syncs || !writer.isOpen || this.#gathered < earlyCommits) return false
    if (this.#underWay >= MOST_UNDER_WAY || this.#load.isHigh(this.#log.open)) return false
    writer.pad()
    this.#isUrgent = false
    this.#closeFrame()
    if (this.#failure === null) void this.#sync()
    return true
  }

  /**
   * Who was alone in the turn before waits for no other: to wait for the end of the turn takes him a good part of what the rest of his way to the
   * disk takes. Where others come after him, they wait for his sync this once, and are gathered from the next turn on.
   */
  get #waitsForNobody(): boolean {
    const { earlyCommits } = this.#deps.limits
    return this.#isAlone && this.#calls === 1 && this.#syncs && this.#underWay === 0 && this.#gathered < earlyCommits
  }

  readonly #endTurn = (): void => {
    this.#isAlone = this.#calls === 1
    this.#calls = 0
  }

  #schedule(): void {
    if (this.#underWay > 0 && this.#syncs) return
    const turns = this.#isUrgent || this.#waiting.length > 0 ? 1 : PATIENT_TURNS
    // Callers whose promises are a few steps apart come together in one frame. To wait longer costs them more than it gathers.
    if (this.#turns === 0) setImmediate(this.#turn)
    this.#turns = this.#turns === 0 ? turns : Math.min(this.#turns, turns)
  }

  readonly #turn = (): void => {
    if (--this.#turns > 0) setImmediate(this.#turn)
    else this.#flush()
  }

  /** Whether commits wait for syncs. */
  get #syncs(): boolean {
    return this.#deps.durability === 'disk'
  }

  readonly #flush = (isLone = false): void => {
    // A sync that began early meanwhile: what came after it waits for its end.
    if (this.#underWay > 0 && this.#syncs) return
    this.#isUrgent = false
    this.#closeFrame()
    if (this.#failure !== null) return
    this.#tell(this.#toldSynced)
    if (this.#underWay > 0) return
    if (this.#asked > this.#log.synced && (this.#syncs || this.#waiting.length > 0)) void this.#sync(isLone)
    else this.#onProgress()
  }

  async #sync(isLone = false): Promise<void> {
    this.#underWay++
    this.#deps.measures.begun()
    try {
      await this.#log.sync(isLone)
    } catch (error) {
      return this.#fail(error)
    } finally {
      this.#underWay--
    }
    const { synced } = this.#log
    // The disk goes on while those are told who waited.
    this.#syncEarly()
    if (this.#failure !== null) return
    if (this.#syncs) this.#tell(synced)
    for (const { promise } of this.#takeWaiting((waiting) => waiting.frame <= synced)) promise.resolve()
    this.#onProgress()
    if (this.#underWay > 0) return
    if ((this.#syncs && this.#asked > synced) || this.#waiting.length > 0) this.#schedule()
    // Who was woken just now has his turn first: he does not wait for a write, and what he writes says the same.
    else setImmediate(() => setImmediate(() => this.#closing === null && this.mark()))
  }

  /** Of what is written, and of what is durable. */
  #tell(synced: number): void {
    this.#told = this.#log.written
    this.#listener?.reached('os', this.#told)
    if (synced === this.#toldSynced) return
    this.#toldSynced = synced
    this.#listener?.reached('disk', synced)
  }

  /**
   * Where nobody has come meanwhile, and at a close, an empty frame says that the last one is durable: else damage to it would look like a torn tail. It is
   * not synced, and where it is lost nothing is.
   */
  mark(): void {
    if (this.#failure !== null || this.#turns > 0 || this.#underWay > 0 || this.#log.written > this.#log.synced) return
    if (this.#log.writer.isOpen) return
    this.#log.writer.need(0)
    this.#closeFrame()
    if (this.#failure === null) this.#deps.shelf.idle()
  }

  #closeFrame(): void {
    this.#gathered = 0
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
    await this.#deps.shelf.close()
  }
}
