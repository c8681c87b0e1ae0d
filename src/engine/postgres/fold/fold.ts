/**
 * Commits that come together are one fold: what arrives while one is under way waits for the next, and an idle engine makes nobody wait. Calls
 * of nothing but plain sends, or of nothing but plain acks, have a lane each, beside each other: neither says anything of what the other
 * changes. All others are decided under the schema's lock, after what was asked before them and before what is asked after. Where the server
 * refuses such a fold, it is halved until only the one to blame is left.
 */
import type { Capabilities, Commit, CommitResult } from '../../../core/engine.ts'
import { PosthornError } from '../../../core/error.ts'
import { decideCommit } from '../decide/commit.ts'
import { failureOf } from '../connection/failure.ts'
import { Lane } from './lane.ts'
import type { EngineLimits } from '../session/limit.ts'
import type { KnownQueues } from '../plain/known-queues.ts'
import { MOST_SENDS, resultsOfSends, type PlainSends, type SendCall } from '../plain/sends.ts'
import { MOST_SETTLES, resultsOfSettles, type PlainSettles, type SettleCall } from '../plain/settles.ts'
import type { Pool } from '../connection/pool.ts'
import type { Transactor } from '../session/transact.ts'
import { catchUp } from '../time/catch-up.ts'
import { prefetch } from '../unit/prefetch.ts'

export const OFFERS: Capabilities['durability'] = ['os', 'disk']

/** So many bytes of bodies weigh as much as a message. */
const BYTES = 4_096

export interface FolderParts {
  readonly pool: Pool
  readonly transactor: Transactor
  readonly plain: { readonly queues: KnownQueues; readonly sends: PlainSends; readonly settles: PlainSettles }
  readonly limits: EngineLimits
  /** Whether several other processes keep the server at work. */
  readonly isCrowded: () => boolean
}

/** Which way a call takes. */
type Kind = 'send' | 'settle' | 'decide'

/** Who waits for the results of a list of commits. */
interface Caller {
  readonly resolve: (results: readonly CommitResult[]) => void
  readonly reject: (error: unknown) => void
}

interface Deciding {
  readonly commit: Commit
  readonly resolve: (result: CommitResult) => void
  readonly reject: (error: unknown) => void
}

export class Folder {
  readonly #parts: FolderParts
  readonly #sends: Lane<SendCall & Caller>
  readonly #settles: Lane<SettleCall & Caller>
  #waiting: Deciding[] = []
  #isRunning = false
  /** Calls in the order in which they came: what is decided begins when all before it have ended, and what is plain when none is decided. */
  #calls: { readonly kind: Kind; readonly begin: () => Promise<void> }[] = []
  #kind: Kind = 'decide'
  #underWay = 0

  constructor(parts: FolderParts) {
    this.#parts = parts
    const { pool, plain, isCrowded } = parts
    const fail = (calls: readonly Caller[], error: unknown): void => {
      for (const call of calls) call.reject(toldOf(error))
    }
    this.#sends = new Lane<SendCall & Caller>({
      pool,
      most: MOST_SENDS,
      weightOf: ({ weight }) => weight,
      isBeside: () => this.#settles.isBusy,
      isCrowded,
      fail,
      fold: async (connection, calls) => {
        try {
          const { isDone, isSound } = await plain.sends.send(connection, calls)
          for (const call of calls) {
            if (isDone) call.resolve(resultsOfSends(call))
            else this.#decide(call.commits).then(call.resolve, call.reject)
          }
          return isSound
        } catch (error) {
          fail(calls, error)
          return false
        }
      },
    })
    this.#settles = new Lane<SettleCall & Caller>({
      pool,
      most: MOST_SETTLES,
      weightOf: weightOfSettles,
      isBeside: () => this.#sends.isBusy,
      fail,
      fold: async (connection, calls) => {
        try {
          const { isDone, isSound, version } = await plain.settles.settle(connection, calls)
          let next = version
          for (const call of calls) {
            if (isDone) call.resolve(resultsOfSettles(call, next))
            else this.#decide(call.commits).then(call.resolve, call.reject)
            next += call.puts.length
          }
          return isSound
        } catch (error) {
          fail(calls, error)
          return false
        }
      },
    })
  }

  commit(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    if (commits.length === 0) return Promise.resolve([])
    const { sends, settles } = this.#parts.plain
    return new Promise((resolve, reject) => {
      const send = sends.read(commits)
      const settle = send === null ? settles.read(commits) : null
      if (send !== null) this.#enter('send', (caller) => this.#sends.add({ ...send, ...caller }), resolve, reject)
      else if (settle !== null)
        this.#enter('settle', (caller) => this.#settles.add({ ...settle, ...caller }), resolve, reject)
      else
        this.#enter(
          'decide',
          (caller) => void this.#decide(commits).then(caller.resolve, caller.reject),
          resolve,
          reject,
        )
    })
  }

  #enter(kind: Kind, begin: (caller: Caller) => void, resolve: Caller['resolve'], reject: Caller['reject']): void {
    this.#calls.push({
      kind,
      begin: () =>
        new Promise<readonly CommitResult[]>((done, failed) => begin({ resolve: done, reject: failed })).then(
          resolve,
          reject,
        ),
    })
    this.#advance()
  }

  #advance(): void {
    for (let next = this.#calls[0]; next !== undefined; next = this.#calls[0]) {
      const isPlain = next.kind !== 'decide' && this.#kind !== 'decide'
      if (this.#underWay > 0 && next.kind !== this.#kind && !isPlain) return
      this.#calls.shift()
      this.#kind = next.kind
      this.#underWay++
      void this.#run(next.begin)
    }
  }

  async #run(begin: () => Promise<void>): Promise<void> {
    await begin()
    this.#underWay--
    this.#advance()
  }

  #decide(commits: readonly Commit[]): Promise<readonly CommitResult[]> {
    return Promise.all(commits.map((commit) => this.#decideOne(commit)))
  }

  #decideOne(commit: Commit): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ commit, resolve, reject })
      if (this.#isRunning) return
      this.#isRunning = true
      // All that is asked in this turn is one fold.
      queueMicrotask(() => void this.#foldAll())
    })
  }

  async #foldAll(): Promise<void> {
    const { fold } = this.#parts.limits
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, fold)
      this.#waiting = this.#waiting.slice(fold)
      await this.#fold(some)
    }
    this.#isRunning = false
  }

  async #fold(some: readonly Deciding[]): Promise<void> {
    const commits = some.map(({ commit }) => commit)
    const { transactor, plain } = this.#parts
    try {
      const results = await transactor.run({
        load: (work) => prefetch(work, commits),
        decide: async (work) => {
          const decided: CommitResult[] = []
          for (const commit of commits) {
            if (decided.length > 0) await catchUp(work, commit)
            decided.push(await decideCommit(work, commit, OFFERS))
          }
          plain.queues.learn(work.queuesByNumber.values())
          return decided
        },
      })
      for (const [at, each] of some.entries()) each.resolve(results[at]!)
    } catch (error) {
      if (error instanceof PosthornError || some.length === 1) {
        for (const each of some) each.reject(toldOf(error))
        return
      }
      const half = some.length >> 1
      await this.#fold(some.slice(0, half))
      await this.#fold(some.slice(half))
    }
  }
}

function weightOfSettles({ acks, puts }: SettleCall): number {
  return puts.reduce((sum, { value }) => sum + 1 + Math.floor(value.byteLength / BYTES), acks.length)
}

function toldOf(error: unknown): PosthornError {
  if (error instanceof PosthornError) return error
  const text = error instanceof Error ? error.message : String(error)
  const failure = failureOf(error)
  return new PosthornError(
    failure === 'passing' ? 'unknown' : 'engine-failed',
    failure === 'broken' ? `the commit could not be decided: ${text}` : `the database refused the commit: ${text}`,
    { cause: error },
  )
}
