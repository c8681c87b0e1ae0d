/**
 * Owns the database: gathers the calls that came together, decides them in one transaction, and answers when it is committed. Lives in a thread of
 * its own, because SQLite answers synchronously and a commit waits for the disk. Whatever fails in the middle leaves nothing: the calls are then
 * decided one by one, so that only the guilty one fails.
 */
import { systemClock, type Clock } from '../../core/clock.ts'
import { PosthornError } from '../../core/error.ts'
import type { EngineLimits } from '../sql/limit.ts'
import { answerCall, isDone, isWriting } from './wire/answer.ts'
import { LeaseMemory } from './decide/lease.ts'
import type { Desk, Thresholds } from './desk.ts'
import type { Driver } from './driver/driver.ts'
import { Due } from './due.ts'
import { isFatal, isFull, toFault } from './fault.ts'
import { letGo, openDesk, ownersGone, type Opened } from './open-desk.ts'
import { Others } from './process/others.ts'
import { Packer, type Buffers } from './wire/packer.ts'
import type { Answer, Fault, Post, Reply, Ticks } from './wire/request.ts'
import { Space, type SpaceDeps } from './space.ts'
import { readStream, type Numbered } from './wire/stream.ts'
import { readNumbers, writeNumbers } from './state/meta.ts'
import type { Level } from './transaction.ts'

export interface HostOptions {
  readonly path: string
  readonly driver: Driver
  readonly durability: 'disk' | 'os'
  readonly limits: EngineLimits
  readonly boot: string
  /** Where the bytes of replies come from. */
  readonly buffers: Buffers
  /** The bytes of a post have been read. */
  readonly read?: ((bytes: Uint8Array) => void) | undefined
  /** The clock to live by where a post brings none. */
  readonly ticks: () => Ticks
  /** Pages in the log before they are copied into the database file; 0: never while it is open. */
  readonly checkpointPages?: number | undefined
  /** New messages are refused below so much room on the disk. */
  readonly minFreeBytes: number
  /** For tests: how much room there is. */
  readonly freeBytes?: SpaceDeps['freeBytes']
  /** For tests: from where on messages are kept together, and content is shared. */
  readonly thresholds?: Thresholds | undefined
  /** For tests: when others are looked for. */
  readonly clock?: Clock | undefined
  /** The last call has been answered, and the database let go of. */
  readonly closed?: (() => void) | undefined
}

const DATA_VERSION = 'pragma data_version'
/** How often openings that are gone are looked for, as long as there are others. */
const LOOK_FOR_GONE_MS = 1_000
/** Nobody asks; time may have decided something, or another process. */
const NO_CALLS: Batch = { calls: [], bytes: Buffer.alloc(0), ticks: null }

/** A post, read. */
interface Batch extends Pick<Post, 'bytes' | 'ticks'> {
  readonly calls: readonly Numbered[]
}

export class Host {
  readonly #options: HostOptions
  readonly #opened: Opened
  readonly #desk: Desk
  readonly #requests: LeaseMemory
  readonly #others: Others
  readonly #space: Space
  readonly #due: Due
  readonly #reply: (reply: Reply) => void
  /** Of the reply that is being made. */
  readonly #packer: Packer
  #batches: Batch[] = []
  #isScheduled = false
  #dataVersion = -1
  #lookedForGoneAt = 0
  #failure: Fault | null = null
  #isClosed = false

  /** Opens the database. @throws PosthornError */
  constructor(options: HostOptions, reply: (reply: Reply) => void) {
    this.#options = options
    this.#reply = reply
    this.#packer = new Packer(options.buffers)
    this.#opened = openDesk(options)
    this.#desk = this.#opened.desk
    this.#space = new Space(options)
    this.#desk.room = () => this.#space.refusal(this.#desk.now)
    this.#due = new Due(this.#desk)
    this.#requests = new LeaseMemory(options.limits.leaseRequests)
    const { clock = systemClock } = options
    this.#others = new Others({ ...options, desk: this.#desk, clock, look: () => this.#schedule() })
    this.#others.start()
    // What is due next is told before anybody calls.
    this.#schedule()
  }

  /** Calls are answered in the order in which they came. */
  receive(post: Post): void {
    this.#batches.push({ ...post, calls: readStream(post.bytes) })
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.#turn()
    })
  }

  #turn(): void {
    const posts = this.#batches
    this.#batches = []
    const calls = posts.flatMap((post) => post.calls)
    if (this.#isClosed) return
    if (this.#failure === null) this.#decide(posts)
    else this.#refuse(calls, this.#failure)
    for (const { bytes } of posts) this.#options.read?.(bytes)
    if (calls.some(({ call }) => call === 'close')) this.close()
    else if (this.#failure === null) this.#lookForGone()
  }

  #decide(posts: readonly Batch[]): void {
    try {
      if (posts.length > 0) this.#fold(posts)
      else if (this.#hasNews()) this.#fold([NO_CALLS])
    } catch (error) {
      this.#recover(posts, error)
    }
  }

  /** What processes that are gone had handed out to themselves is handed out again. */
  #lookForGone(): void {
    const { machineMs } = this.#options.ticks()
    if (machineMs - this.#lookedForGoneAt < LOOK_FOR_GONE_MS) return
    this.#lookedForGoneAt = machineMs
    try {
      const gone = this.#others.gone()
      if (gone.length === 0) return
      this.#begin(this.#best, null)
      for (const owner of ownersGone(this.#desk, this.#options)) letGo(this.#desk, owner)
      this.#others.refresh()
      this.#finish([], [])
    } catch (error) {
      this.#recover([], error)
    }
  }

  /** Alone, each shows whether it was the guilty one. */
  #recover(posts: readonly Batch[], error: unknown): void {
    this.#forget()
    if (isFull(error) && this.#space.giveUpReserve()) return this.#again(posts)
    const calls = posts.flatMap((post) => post.calls)
    if (isFatal(error)) this.#failure = toFault(error, this.#options.path)
    if (isFatal(error) || calls.length <= 1) return this.#refuse(calls, toFault(error, this.#options.path))
    for (const post of posts) {
      for (const call of post.calls) {
        try {
          this.#fold([{ ...post, calls: [call] }])
        } catch (alone) {
          this.#recover([{ ...post, calls: [call] }], alone)
        }
      }
    }
  }

  #again(posts: readonly Batch[]): void {
    try {
      this.#fold(posts.length === 0 ? [NO_CALLS] : posts)
    } catch (error) {
      this.#recover(posts, error)
    }
  }

  #fold(posts: readonly Batch[]): void {
    const desk = this.#desk
    const calls = posts.flatMap((post) => post.calls)
    const isDurable = calls.some(({ call }) => call === 'commit')
    const level: Level = isDurable ? this.#best : 'normal'
    const given = posts[0]?.ticks ?? null
    this.#begin(calls.some(isWriting) ? level : null, given)
    if (this.#due.decides(posts.map(({ ticks }) => ticks)) && (!calls.some(isWriting) || level !== this.#best)) {
      // What time decides may be handed out at once: it is made as durable as anything else. And who only reads may not begin to write in the
      // middle: where another process has written meanwhile, SQLite refuses that at once.
      this.#opened.transactions.rollback()
      this.#begin(this.#best, given)
    }
    const answers: Answer[] = []
    const done: number[] = []
    for (const post of posts) {
      if (post !== posts[0] && post.ticks !== null) {
        this.#due.setTime(post.ticks)
        this.#due.look()
      }
      this.#due.settle()
      desk.bytes = post.bytes
      for (const call of post.calls) {
        const answer = this.#answer(call)
        if ('value' in answer && isDone(call, answer.value)) done.push(call.n)
        else answers.push(answer)
      }
    }
    this.#finish(answers, done)
  }

  #finish(answers: Answer[], done: readonly number[]): void {
    const desk = this.#desk
    const packer = this.#packer
    this.#due.look()
    if (desk.isDirty) {
      Object.assign(desk.numbers, { engineAt: desk.now, wallAt: desk.wall })
      writeNumbers(desk.statements, desk.numbers)
      desk.isDirty = false
    }
    desk.bundles.trim()
    const own = desk.notices.take()
    const notices = this.#others.exchange(own, this.#due.times)
    const happenings = desk.trail.take()
    const before = this.#options.ticks().machineMs
    this.#opened.transactions.commit()
    const commitMs = this.#options.ticks().machineMs - before
    this.#others.wake()
    desk.trail.committed()
    const first = packer.length
    for (const n of done) packer.word(n)
    this.#reply({
      done: [first, done.length],
      answers,
      bytes: packer.take(),
      notices,
      happenings,
      dueInMs: this.#due.inMs,
      commitMs,
      failure: null,
    })
  }

  #answer(call: Numbered): Answer {
    try {
      return { n: call.n, value: answerCall(this.#desk, this.#requests, call, this.#packer) }
    } catch (error) {
      // A question that makes no sense harms nobody but who asked; anything else may have been half done.
      if (!(error instanceof PosthornError)) throw error
      return { n: call.n, fault: toFault(error, this.#options.path) }
    }
  }

  /** Whether another process has written, or something is due. The first look tells what is due next. */
  #hasNews(): boolean {
    if (this.#desk.statements.of(DATA_VERSION).first()![0] !== this.#dataVersion) return true
    this.#due.setTime(this.#options.ticks())
    return this.#due.isNow
  }

  /** The time is read when the lock is had: waiting for it takes some. */
  #begin(level: Level | null, given: Ticks | null): void {
    const { transactions } = this.#opened
    if (level === null) transactions.beginReading()
    else transactions.beginWriting(level)
    this.#refresh()
    this.#due.setTime(given ?? this.#options.ticks())
  }

  /** What another process wrote is read again. */
  #refresh(): void {
    const desk = this.#desk
    const version = desk.statements.of(DATA_VERSION).first()![0] as number
    if (version === this.#dataVersion) return
    this.#dataVersion = version
    const numbers = readNumbers(desk.statements)!
    if (numbers.settings === desk.numbers.settings) desk.topics.refresh()
    else desk.topics.clear()
    desk.numbers = numbers
    desk.queues.clear()
    desk.bundles.clear()
    desk.trail.refresh()
    this.#others.refresh()
    this.#due.look()
  }

  #forget(): void {
    const desk = this.#desk
    this.#opened.transactions.rollback()
    this.#packer.cut(0)
    desk.queues.clear()
    desk.topics.clear()
    desk.bundles.clear()
    desk.shared.clear()
    desk.notices.take()
    desk.isDirty = false
    this.#dataVersion = -1
    desk.numbers.settings = -1
  }

  #refuse(calls: readonly Numbered[], fault: Fault): void {
    const answers = calls.map(({ n }): Answer => ({ n, fault }))
    this.#reply({
      done: [0, 0],
      answers,
      bytes: Buffer.alloc(0),
      notices: [],
      happenings: [],
      dueInMs: null,
      commitMs: 0,
      failure: this.#failure,
    })
  }

  get #best(): Level {
    return this.#options.durability === 'disk' ? 'full' : 'normal'
  }

  /** Its own leases lapse when others see that it is gone. Idempotent. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#others.stop()
    this.#opened.close()
    this.#options.closed?.()
  }
}
