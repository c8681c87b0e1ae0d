/**
 * Other processes on the same database: what they may want to know is noted in a table, and a byte written to a file that all of them watch says
 * that there is something. Where watching is not to be had a poll does it, faster while something happens. Alone, all of it costs nothing.
 */
import { closeSync, constants, openSync, watch, writeSync, type FSWatcher } from 'node:fs'
import type { Clock } from '../../../core/clock.ts'
import type { DueTimes } from '../decide/sweep.ts'
import type { Desk } from '../desk.ts'
import type { Driver } from '../driver/driver.ts'
import type { Statements } from '../driver/statements.ts'
import { OWNERS, OwnerWatch } from './owner.ts'
import type { Notice } from '../state/notices.ts'

const INSERT_NOTICE = 'insert into notice (kind, name) values (?, ?)'
const NOTICES_AFTER = 'select n, kind, name from notice where n > ? order by n limit ?'
const LAST_NOTICE = 'select max(n) from notice'
const DELETE_NOTICES = 'delete from notice where n <= ?'

/** So often old notices go. */
const PRUNED_EVERY = 256
/** Notices that are kept; who is further behind looks for himself. */
const KEPT_NOTICES = 5_000
/** Watched, a look now and then is enough to find out who is gone. */
const WATCHED_POLL_MS = 1_000
const SHORTEST_POLL_MS = 2
const LONGEST_POLL_MS = 250
const BYTE = new Uint8Array([1])

interface OthersParts {
  readonly path: string
  readonly driver: Driver
  readonly desk: Desk
  readonly clock: Clock
  /** Something may have happened elsewhere. */
  readonly look: () => void
}

/** In a transaction that writes: leaves notices for whoever looks next. The number of the last; null where there were none. */
export function noteForOthers(statements: Statements, notices: readonly Notice[]): number | null {
  if (notices.length === 0) return null
  for (const [kind, name, token] of notices)
    statements.of(INSERT_NOTICE).run(kind, token === '' ? name : `${name} ${token}`)
  const last = lastNotice(statements)
  if (last % PRUNED_EVERY < notices.length) statements.of(DELETE_NOTICES).run(last - KEPT_NOTICES)
  return last
}

const lastNotice = (statements: Statements): number => (statements.of(LAST_NOTICE).first()![0] as number | null) ?? 0

export class Others {
  readonly #parts: OthersParts
  readonly #lives: OwnerWatch
  readonly #file: number
  #watcher: FSWatcher | null = null
  #timer: Disposable | null = null
  #pollMs = SHORTEST_POLL_MS
  #owners: readonly number[] = []
  #lastNotice = 0
  /** Where what is under way is committed. */
  #nextNotice = 0
  /** Another process has written since notices were last read. */
  #isBehind = true
  #mustWake = true
  #earliest = Infinity
  #isStopped = false

  constructor(parts: OthersParts) {
    this.#parts = parts
    this.#lives = new OwnerWatch(parts.driver, parts.path)
    this.#file = openSync(`${parts.path}-wake`, constants.O_CREAT | constants.O_WRONLY, 0o644)
    this.#lastNotice = this.#last()
  }

  /** Tells the others that somebody has come. */
  start(): void {
    this.#watch()
    this.#poll()
    this.#touch()
  }

  /** Openings that were there when others last wrote and are gone. */
  gone(): number[] {
    return this.#owners.filter((owner) => !this.#lives.isAlive(owner))
  }

  /** Inside a transaction in which it is seen that another process has written, or that one is gone. */
  refresh(): void {
    const { desk } = this.#parts
    this.#owners = desk.statements
      .of(OWNERS)
      .all(desk.owner)
      .map(([owner]) => owner as number)
    this.#lives.keep(this.#owners)
    this.#isBehind = true
    this.#pollMs = SHORTEST_POLL_MS
    this.#poll()
  }

  /** Before a commit: leaves the own notices for others, and takes theirs. All that the own watchers may want to know. */
  exchange(own: readonly Notice[], due: DueTimes): readonly Notice[] {
    this.#nextNotice = this.#lastNotice
    const theirs = this.#isBehind ? this.#take() : []
    this.#isBehind = false
    if (this.#owners.length === 0) return [...own, ...theirs]
    const { statements } = this.#parts.desk
    const last = noteForOthers(statements, own)
    if (last !== null) this.#nextNotice = last
    const earliest = Math.min(due.engineAt, due.wallAt)
    this.#mustWake ||= own.length > 0 || this.#parts.desk.trail.isOn || earliest < this.#earliest
    this.#earliest = earliest
    return [...own, ...theirs]
  }

  /** After the commit: one that fails has told nobody, and the numbers of its notices are given again. */
  wake(): void {
    this.#lastNotice = this.#nextNotice
    if (this.#owners.length > 0 && this.#mustWake) this.#touch()
    this.#mustWake = false
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.[Symbol.dispose]()
    this.#watcher?.close()
    this.#lives.keep([])
    this.#touch()
    closeSync(this.#file)
  }

  #take(): Notice[] {
    const rows = this.#parts.desk.statements.of(NOTICES_AFTER).all(this.#lastNotice, KEPT_NOTICES)
    if (rows.length > 0) this.#nextNotice = rows.at(-1)![0] as number
    return rows.map(([, kind, text]): Notice => {
      const [name, token = ''] = kind === 'cancel' ? (text as string).split(' ') : [text as string]
      return [kind as Notice[0], name!, token]
    })
  }

  #last(): number {
    return lastNotice(this.#parts.desk.statements)
  }

  #touch(): void {
    try {
      writeSync(this.#file, BYTE, 0, 1, 0)
    } catch {
      // Others find out at their next poll.
    }
  }

  #watch(): void {
    try {
      this.#watcher = watch(`${this.#parts.path}-wake`, { persistent: false }, () => this.#parts.look())
      this.#watcher.on('error', () => {
        this.#watcher = null
        this.#poll()
      })
    } catch {
      this.#watcher = null
    }
  }

  /** Who is alone and watches is told of whoever comes. */
  #poll(): void {
    const isNeeded = this.#watcher === null || this.#owners.length > 0
    if (this.#isStopped || this.#timer !== null || !isNeeded) return
    const inMs = this.#watcher === null ? this.#pollMs : WATCHED_POLL_MS
    this.#pollMs = Math.min(this.#pollMs * 2, LONGEST_POLL_MS)
    this.#timer = this.#parts.clock.timer(inMs, () => {
      this.#timer = null
      this.#parts.look()
      this.#poll()
    })
  }
}
