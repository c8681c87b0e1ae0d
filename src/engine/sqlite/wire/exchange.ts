/** Calls on their way: gathered for one post a turn, answered by number, and in time swept when nobody calls. */
import { systemClock, type Clock } from '../../../core/clock.ts'
import { PosthornError } from '../../../core/error.ts'
import { toError } from '../fault.ts'
import type { Link, LinkListener } from '../link/link.ts'
import { Measures } from '../measures.ts'
import { Packer } from './packer.ts'
import type { Fault, Reply, Ticks } from './request.ts'
import { StreamWriter } from './stream.ts'

/** The wall clock may step, so what waits for it is looked at again after so long. */
const LONGEST_MS = 60_000

/** What a call is told of whose commits each did its one plain change. */
const DONE = null

/**
 * Callers that wait for each other's answers would take turns with the host: while one works the other is idle. Where commits are fast the first so
 * many are on their way while the others are still written down; where they are slow, one commit for all is worth more.
 */
const HEAD_START_COMMITS = 32
const FAST_COMMIT_MS = 0.8

interface Pending {
  readonly give: (answer: never) => void
  readonly refuse: (error: Error) => void
  readonly decode: (value: never, bytes: Buffer) => unknown
}

export class Exchange implements LinkListener {
  readonly #clock: Clock
  readonly #tell: (reply: Pick<Reply, 'notices' | 'happenings'>) => void
  readonly #pending = new Map<number, Pending>()
  #link: Link | null = null
  #stream!: StreamWriter
  #last = 0
  /** Commits since the last post, and other calls. */
  #gathered = 0
  #isHostIdle = true
  #isFast = false
  #timer: Disposable | null = null
  #armedFor = Infinity
  #refusal: PosthornError | null = null
  /** Resolves when the host has stopped on its own. */
  readonly stopped: Promise<Error>
  readonly measures: Measures = new Measures()
  #stop!: (error: Error) => void

  constructor(clock: Clock, tell: (reply: Pick<Reply, 'notices' | 'happenings'>) => void) {
    this.#clock = clock
    this.#tell = tell
    this.stopped = new Promise((resolve) => (this.#stop = resolve))
  }

  connect(link: Link): void {
    this.#link = link
    this.#stream = new StreamWriter(new Packer(link.buffers))
    link.keepAlive(false)
  }

  /** `write` says what the call is; `decode` makes its answer. `commits`: how many are in it. */
  call<T>(
    write: (stream: StreamWriter, n: number) => void,
    decode: (value: never, bytes: Buffer) => T,
    commits: number = 1,
  ): Promise<T> {
    if (this.#refusal !== null) return Promise.reject(this.#refusal)
    return new Promise<T>((give, refuse) => {
      const n = (this.#last = (this.#last + 1) >>> 0)
      const isFirst = this.#stream.isEmpty
      write(this.#stream, n)
      if (isFirst) process.nextTick(() => this.#flush())
      this.#gathered += commits
      if (this.#pending.size === 0) this.#link!.keepAlive(true)
      this.#pending.set(n, { give, refuse, decode })
      if (this.#isHostIdle && this.#isFast && this.#gathered >= HEAD_START_COMMITS) this.#flush()
    })
  }

  /** The last call; whoever calls later is refused. */
  async end(): Promise<void> {
    const closed = this.call(
      (stream, n) => stream.call(n, { call: 'close' }),
      () => undefined,
    )
    this.#refusal ??= new PosthornError('closed', 'the engine is closed')
    this.#disarm()
    this.#flush()
    await closed.catch(() => {})
    this.#link!.keepAlive(true)
    await this.#link!.end()
    this.#refuseAll(new PosthornError('closed', 'the engine was closed before the answer was known'))
  }

  replied(reply: Reply): void {
    const { done, answers, bytes, dueInMs, commitMs, failure } = reply
    this.measures.folded(commitMs, done[1] + answers.length)
    this.#isFast = commitMs < FAST_COMMIT_MS
    this.#isHostIdle = true
    const [first, count] = done
    for (let at = 0; at < count; at++) this.#give(bytes.readUInt32LE(first + at * 4), DONE, bytes)
    for (const answer of answers) {
      if ('fault' in answer) this.#take(answer.n)?.refuse(toError(answer.fault))
      else this.#give(answer.n, answer.value, bytes)
    }
    if (this.#pending.size === 0) this.#link?.keepAlive(false)
    this.#tell(reply)
    if (failure !== null) this.#stop(toError(failure))
    if (dueInMs !== null && this.#refusal === null) this.#arm(dueInMs)
  }

  failed(fault: Fault): void {
    // Its thread may be gone before its last answer is heard: an engine that is being closed has not failed.
    const isClosing = this.#refusal?.code === 'closed'
    this.#refusal ??= toError(fault)
    if (!isClosing) this.#stop(this.#refusal)
    this.#disarm()
    this.#refuseAll(toError({ ...fault, code: 'unknown' }))
  }

  #give(n: number, value: unknown, bytes: Buffer): void {
    const pending = this.#take(n)
    pending?.give(pending.decode(value as never, bytes) as never)
  }

  #take(n: number): Pending | undefined {
    const pending = this.#pending.get(n)
    this.#pending.delete(n)
    return pending
  }

  #flush(): void {
    if (this.#stream.isEmpty) return
    this.#gathered = 0
    this.#isHostIdle = false
    this.#link!.post({ bytes: this.#stream.take(), ticks: this.ticks() })
  }

  /** null: the host reads the machine's clock itself, at the last moment. */
  ticks(): Ticks | null {
    return this.#clock === systemClock ? null : { machineMs: this.#clock.monotonicMs(), wallMs: this.#clock.wallMs() }
  }

  /** One that is set for earlier stays: it fires in vain at most once. */
  #arm(inMs: number): void {
    const at = this.#clock.monotonicMs() + Math.min(inMs, LONGEST_MS)
    if (this.#timer !== null && this.#armedFor <= at) return
    this.#timer?.[Symbol.dispose]()
    this.#armedFor = at
    this.#timer = this.#clock.timer(Math.min(inMs, LONGEST_MS), () => {
      this.#disarm()
      this.#ask('sweep')
    })
  }

  /** Has the host write down what happens to messages, or no more. */
  follow(follows: boolean): void {
    this.call(
      (stream, n) => stream.call(n, { call: 'follow', follows }),
      () => undefined,
    ).catch(() => {})
  }

  /** Has the host tell what others have written. */
  look(): void {
    this.#ask('look')
  }

  #ask(call: 'look' | 'sweep'): void {
    // Whoever calls next is told of a failure.
    this.call(
      (stream, n) => stream.call(n, { call }),
      () => undefined,
    ).catch(() => {})
  }

  #disarm(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#armedFor = Infinity
  }

  #refuseAll(error: PosthornError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { refuse } of pending) refuse(error)
    this.#link?.keepAlive(false)
  }
}
