/**
 * Commits inside users' own transactions: decided at once on the user's connection, which has the database's one write lock, by the same code
 * and from the same tables as the host's. Nothing of it is kept in memory, so that a rollback leaves nothing. When the transaction has ended,
 * the host and other processes are told to look.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../../core/clock.ts'
import type { ChangeResult, Commit, JoinedTransaction } from '../../../core/engine.ts'
import { isPosthornError, PosthornError } from '../../../core/error.ts'
import { createIds } from '../../../core/id.ts'
import { faultOfCommit } from '../../sql/check.ts'
import type { EngineLimits } from '../../sql/limit.ts'
import { decodeCommit } from '../wire/decode.ts'
import { decideCommit } from '../decide/commit.ts'
import { dueTimes, flush, sweep } from '../decide/sweep.ts'
import { Desk } from '../desk.ts'
import { nodeDriver } from '../driver/node-driver.ts'
import { Statements } from '../driver/statements.ts'
import { encodeCommit } from '../wire/encode.ts'
import { isBusy } from '../fault.ts'
import { noteForOthers } from '../process/others.ts'
import { ownBuffers, Packer } from '../wire/packer.ts'
import type { Ticks } from '../wire/request.ts'
import { engineTime } from '../state/clock.ts'
import { readNumbers, writeNumbers } from '../state/meta.ts'
import { REMEMBERED } from '../state/record.ts'
import { toDatabase, toUserDatabase } from './user-database.ts'

export interface JoinParts {
  readonly path: string
  readonly limits: EngineLimits
  readonly clock: Clock
  readonly ticks: () => Ticks
  /** The host looks at what others have written. */
  readonly look: () => void
}

/** The write lock is held by folds for less than this. */
const PATIENCE_MS = 1_000
const NAP_MS = 1
const FIRST_LOOK_MS = 1
const SECOND_LOOK_MS = FIRST_LOOK_MS * 2
const LONGEST_LOOK_MS = 50
const TAKE_LOCK = 'update clock set id = 1 where id = 1'
const BYTE = new Uint8Array([1])

export class Joins {
  readonly #parts: JoinParts
  readonly #nap = new Int32Array(new SharedArrayBuffer(4))
  readonly #ids: ReturnType<typeof createIds>
  /** Connections with a transaction that something was given to. */
  readonly #open = new Set<DatabaseSync>()
  #lookMs = FIRST_LOOK_MS
  #timer: Disposable | null = null
  #mayHaveEnded = false

  constructor(parts: JoinParts) {
    this.#parts = parts
    this.#ids = createIds(parts.clock)
  }

  join(transaction: unknown): JoinedTransaction {
    const database = toUserDatabase(transaction, this.#parts.path)
    let last: string | null = null
    return {
      isExclusive: true,
      commit: async (commit) => {
        const id = this.#ids.uuid()
        const results = this.#commit(database, commit, id)
        last = id
        return results
      },
      state: async () => (last === null ? 'open' : this.#stateOf(database, last)),
    }
  }

  /** Waits no longer for those that are still open. */
  close(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = null
    this.#open.clear()
  }

  #commit(database: DatabaseSync, commit: Commit, id: string): readonly ChangeResult[] {
    const { limits } = this.#parts
    if (commit.id !== undefined || (commit.durability !== undefined && commit.durability !== 'joined'))
      throw new PosthornError('unsupported', 'a commit inside a transaction has no id and no durability but its own')
    const fault = faultOfCommit(commit, limits)
    if (fault !== null) throw new PosthornError(fault.refusal.code, fault.refusal.detail, { details: { at: fault.at } })
    if (!database.isOpen || !database.isTransaction)
      throw new PosthornError(
        'no-transaction',
        'what `within` was given is a database without an open transaction: begin one first, best with BEGIN IMMEDIATE',
        { details: { field: 'within' } },
      )
    try {
      // Before anything is read: what is decided here must rest on what is there now.
      this.#patiently(() => database.exec(TAKE_LOCK))
      const result = decide(database, this.#parts, { ...commit, id, durability: undefined })
      if (result.status === 'refused')
        throw new PosthornError(result.code, result.detail, { details: { at: result.at } })
      this.#follow(database)
      return result.results
    } catch (error) {
      if (isPosthornError(error)) throw error
      const why = isBusy(error)
        ? 'another connection writes, or has written since this transaction first read; begin it with BEGIN IMMEDIATE'
        : (error as Error).message
      throw new PosthornError('transaction-failed', `the transaction could not be joined: ${why}`, { cause: error })
    }
  }

  #stateOf(database: DatabaseSync, id: string): 'open' | 'committed' | 'rolled-back' {
    // Nobody can ask a closed connection: what was committed is found by who looks for it.
    if (!database.isOpen) return 'committed'
    const known = new Statements(toDatabase(database)).of(REMEMBERED).first(id, 0)
    if (known === undefined) return 'rolled-back'
    return database.isTransaction && this.#open.has(database) && !this.#isSeen(id) ? 'open' : 'committed'
  }

  /** By others. That the connection is in a transaction says nothing of those that it was in before. */
  #isSeen(id: string): boolean {
    const other = nodeDriver.open(this.#parts.path)
    try {
      return new Statements(other).of(REMEMBERED).first(id, 0) !== undefined
    } finally {
      other.close()
    }
  }

  #follow(database: DatabaseSync): void {
    // Of transactions back to back the one before has ended, though the connection is in one whenever somebody looks.
    this.#mayHaveEnded ||= this.#open.has(database)
    this.#open.add(database)
    if (this.#timer !== null && this.#lookMs <= SECOND_LOOK_MS) return
    this.#timer?.[Symbol.dispose]()
    this.#lookMs = FIRST_LOOK_MS
    this.#arm()
  }

  #arm(): void {
    this.#timer = this.#parts.clock.timer(this.#lookMs, () => this.#look())
    this.#lookMs = Math.min(this.#lookMs * 2, LONGEST_LOOK_MS)
  }

  #look(): void {
    this.#timer = null
    let hasEnded = this.#mayHaveEnded
    this.#mayHaveEnded = false
    for (const database of this.#open) {
      if (database.isOpen && database.isTransaction) continue
      this.#open.delete(database)
      hasEnded = true
    }
    if (hasEnded) this.#wake()
    if (this.#open.size > 0) this.#arm()
  }

  #wake(): void {
    this.#parts.look()
    try {
      const file = openSync(`${this.#parts.path}-wake`, constants.O_WRONLY)
      writeSync(file, BYTE, 0, 1, 0)
      closeSync(file)
    } catch {
      // Others find out at their next poll.
    }
  }

  #patiently(act: () => void): void {
    const { clock } = this.#parts
    const until = clock.monotonicMs() + PATIENCE_MS
    for (let tries = 0; ; tries++) {
      try {
        return act()
      } catch (error) {
        if (!isBusy(error) || clock.monotonicMs() > until || tries > PATIENCE_MS / NAP_MS) throw error
      }
      Atomics.wait(this.#nap, 0, 0, NAP_MS)
    }
  }
}

/** As the host does it in a fold of one commit. */
function decide(user: DatabaseSync, { limits, ticks }: JoinParts, commit: Commit): ReturnType<typeof decodeCommit> {
  const statements = new Statements(toDatabase(user))
  const desk = new Desk(statements, limits, (wallMs) => createIds({ wallMs }))
  desk.numbers = readNumbers(statements)!
  desk.trail.refresh()
  const { engineAt, wallAt } = desk.numbers
  const time = ticks()
  desk.now = engineTime(desk.numbers, time)
  desk.wall = time.wallMs
  const due = dueTimes(desk)
  if (due.engineAt <= desk.now || due.wallAt <= desk.wall) sweep(desk, { now: engineAt, wall: wallAt })
  const packer = new Packer(ownBuffers)
  const sent = encodeCommit(commit, packer)
  desk.bytes = packer.take()
  const decided = decideCommit(desk, sent)
  flush(desk)
  writeNumbers(statements, Object.assign(desk.numbers, { engineAt: desk.now, wallAt: desk.wall }))
  noteForOthers(statements, desk.notices.take())
  return decodeCommit(decided, commit, 'joined')
}
