/**
 * What an open engine does by itself: looks for what is due, for processes that are gone, and for what others have written that somebody
 * here watches, as far as it is not told of it. All of it is also found without, by whoever calls next; it only makes it sooner.
 */
import type { Clock } from '../../../core/clock.ts'
import type { Hint, Interest } from '../../../core/engine.ts'
import type { Watchers } from '../hint/hint.ts'
import type { Answer } from '../connection/driver.ts'
import type { Query, Session } from '../session/session.ts'
import type { Transactor } from '../session/transact.ts'

export interface UpkeepParts {
  readonly session: Session
  /** Names the schema among the database's advisory locks. */
  readonly lockKey: number
  readonly transactor: Transactor
  readonly watchers: Watchers
  readonly clock: Clock
  /** Lets leases of processes that are gone lapse, and keeps this one known as living. */
  readonly findGone: () => Promise<void>
  /** Whether others tell what they write. */
  readonly isTold: () => boolean
  /** The longest pause between two looks. */
  readonly pollMs: () => number
  /** So often what is old is forgotten, and what nobody refers to. */
  readonly forgetMs: number
  /** Told of the first of failures in a row. */
  readonly failed: (error: unknown) => void
}

const SHORTEST_MS = 5
/** Somebody said that there will be something: so long it is looked at least so often. */
const HASTE_MS = 5_000
const HASTY_MS = 100
/** So often it is looked for processes that are gone. */
const CENSUS_MS = 2_000
/** Between tries for a session that the process is not given: others that have one again leave it only so much time as above. */
const FIRST_PAUSE_MS = 20
const LONGEST_PAUSE_MS = 500
/** As the server says that a statement took too long. */
const TIMEOUT = '57014'

export class Upkeep {
  readonly #parts: UpkeepParts
  #timer: Disposable | null = null
  #tick: Promise<void> = Promise.resolve()
  #censusAtMs: number
  #censusPauseMs = FIRST_PAUSE_MS
  #forgetAtMs = 0
  #hasteUntilMs = -Infinity
  /** Short while there is something to do, longer with each look that finds nothing. */
  #napMs = SHORTEST_MS
  /** The shared bodies up to this number were looked at in this round. */
  #sharedUpTo = -1
  /** Into so many parts a piece of them is cut: more where the server has not managed one in time. */
  #sharedParts = 1
  #isStopped = false
  #isFailing = false
  /** Positions and versions that were seen last, of what is watched. */
  #seen = new Map<string, number>()

  constructor(parts: UpkeepParts) {
    this.#parts = parts
    // Whoever opens has just looked.
    this.#censusAtMs = parts.clock.monotonicMs() + CENSUS_MS
  }

  start(): void {
    if (this.#isStopped) return
    const { clock } = this.#parts
    this.#timer = clock.timer(this.#napMs, () => {
      this.#timer = null
      this.#tick = this.tick().then(() => this.start())
    })
  }

  /** Looks again at once, and often for a while. */
  hasten(): void {
    this.#hasteUntilMs = this.#parts.clock.monotonicMs() + HASTE_MS
    this.lookAgain()
  }

  /** Looks again at once. */
  lookAgain(): void {
    this.#napMs = SHORTEST_MS
    if (this.#timer === null || this.#isStopped) return
    this.#timer[Symbol.dispose]()
    this.start()
  }

  /** This process is not known as living: it is again before others notice. */
  beKnown(): void {
    this.#censusAtMs = 0
    this.lookAgain()
  }

  watch(interest: Interest, hint: (hint: Hint) => void): Disposable {
    return this.#parts.watchers.watch(interest, hint)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.[Symbol.dispose]()
    await this.#tick
  }

  async tick(): Promise<void> {
    const { clock, transactor, failed, pollMs } = this.#parts
    try {
      const { isDue, hasNews } = await this.#look()
      if (isDue) await transactor.sweep()
      const longest = clock.monotonicMs() < this.#hasteUntilMs ? Math.min(HASTY_MS, pollMs()) : pollMs()
      this.#napMs = isDue || hasNews ? SHORTEST_MS : Math.min(this.#napMs * 2, longest)
      await this.#rarely()
      // What failed last is not tried with each look.
      this.#isFailing &&= this.#censusPauseMs > FIRST_PAUSE_MS
    } catch (error) {
      this.#napMs = Math.min(this.#napMs * 2, pollMs())
      if (!this.#isFailing) failed(error)
      this.#isFailing = true
    }
  }

  async #rarely(): Promise<void> {
    const { clock } = this.#parts
    const isDue = clock.monotonicMs() >= this.#censusAtMs
    // A session that is not to be had is nothing to what is old: that grows meanwhile.
    const [census] = await Promise.allSettled(isDue ? [this.#census()] : [])
    if (clock.monotonicMs() >= this.#forgetAtMs) await this.#forget()
    if (census?.status === 'rejected') throw census.reason
  }

  async #census(): Promise<void> {
    const { clock, findGone } = this.#parts
    this.#censusAtMs = clock.monotonicMs() + CENSUS_MS
    try {
      await findGone()
      this.#censusPauseMs = FIRST_PAUSE_MS
    } catch (error) {
      this.#censusAtMs = clock.monotonicMs() + this.#censusPauseMs
      this.#censusPauseMs = Math.min(this.#censusPauseMs * 2, LONGEST_PAUSE_MS)
      throw error
    }
  }

  async #forget(): Promise<void> {
    const { clock, forgetMs, session } = this.#parts
    const nowMs = clock.monotonicMs()
    const isMore = await session.burst(async (query) => {
      const { now } = await session.now(query)
      return (await query('forget', [now, session.limits.forget])).rows[0]!.is_more === true
    })
    // What is much goes in pieces, one at each look.
    if (isMore || (await this.#forgetShared())) this.#napMs = SHORTEST_MS
    else this.#forgetAtMs = nowMs + forgetMs
  }

  /** Looks at the next piece of the bodies that several have; whether to go on at once: where much is gone, more will be. */
  async #forgetShared(): Promise<boolean> {
    const most = this.#parts.session.limits.forget
    const { rows } = await this.#parts.session.burst((query) => this.#forgetPiece(query))
    const { count, n, gone, is_more: isMore } = rows[0]!
    this.#sharedParts = Math.max(1, this.#sharedParts / 2)
    this.#sharedUpTo = isMore === true || (count as number) === most ? (n as number) : -1
    return isMore === true || (this.#sharedUpTo !== -1 && (gone as number) * 2 >= most)
  }

  async #forgetPiece(query: Query): Promise<Answer> {
    const { lockKey, session } = this.#parts
    const { forget, forgetBytes } = session.limits
    try {
      const bytes = Math.ceil(forgetBytes / this.#sharedParts)
      return await query('forget-shared', [this.#sharedUpTo, forget, lockKey, bytes])
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === TIMEOUT)
        this.#sharedParts = Math.min(this.#sharedParts * 2, forgetBytes)
      throw error
    }
  }

  /** Whether time has something to decide; and tells watchers of what others have written. */
  async #look(): Promise<{ readonly isDue: boolean; readonly hasNews: boolean }> {
    const { isTold, session, watchers } = this.#parts
    const watched = [watchers.watched('queue'), watchers.watched('key'), watchers.watched('topic')]
    const isWatched = watched.some((names) => names.length > 0)
    const [{ isDue, isLapsed }, { rows }] = await session.burst((query) =>
      Promise.all([session.now(query), isWatched ? query('look', watched) : { rows: [] }]),
    )
    const hints: Exclude<Hint, { readonly cancel: string }>[] = []
    const seen = new Map<string, number>()
    let hasNews = false
    for (const { kind, name, mark } of rows as readonly {
      kind: 'queue' | 'key' | 'topic'
      name: string
      mark: number
    }[]) {
      const key = `${kind} ${name}`
      seen.set(key, mark)
      const isNew = this.#seen.get(key) !== mark
      hasNews ||= isNew
      if (kind === 'queue') hints.push({ queue: name })
      else if (isNew) hints.push(kind === 'key' ? { key: name } : { topic: name })
    }
    this.#seen = seen
    watchers.give(hints)
    // Who is told need not look often because there was something.
    return { isDue: isDue || isLapsed, hasNews: hasNews && !isTold() }
  }
}
