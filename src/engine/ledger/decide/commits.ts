/**
 * Decides the commits of one call, in their order, each as if it came alone: what those before brought beyond its bounds is forgotten first.
 * Nearly all are one plain send or one plain ack, with a record or none, which go a short way.
 */
import type { Change, ChangeResult, Commit, CommitResult, Durability } from '../../../core/engine.ts'
import { decideCommit } from './commit.ts'
import type { Desk } from './desk.ts'
import { isLetGo, type WatchedKeys } from './let-go.ts'
import { ackPlainly, ackWithRecords } from './plain-ack.ts'
import { sendPlainly } from './plain-send.ts'
import { sweep } from '../time/sweep.ts'
import { settleTouched } from '../time/due.ts'

export interface Decided {
  readonly results: readonly CommitResult[]
  /** What must be reached before it is told: the highest level that one of them asks for. */
  readonly level: Durability
  /** Nobody waits for any of them to go on. */
  readonly isPatient: boolean
  /** Changes of callers who do nothing else meanwhile; an event counts for each message that it became. */
  readonly awaited: number
}

export class CommitDecider {
  readonly #desk: Desk
  readonly #offers: readonly Durability[]
  /** What a plain ack is answered: all alike. */
  readonly #acked: Extract<CommitResult, { readonly status: 'committed' }>
  readonly #watched: WatchedKeys

  /** @param offers levels, weakest first */
  constructor(desk: Desk, offers: readonly Durability[], watched: WatchedKeys) {
    this.#desk = desk
    this.#watched = watched
    this.#offers = offers
    const results = Object.freeze([null])
    this.#acked = Object.freeze({ status: 'committed', durability: offers.at(-1)!, replayed: false, results })
  }

  decide(commits: readonly Commit[]): Decided {
    const desk = this.#desk
    const best = this.#offers.length - 1
    const durability = this.#offers[best]!
    let level = commits.length === 0 ? best : 0
    let isPatient = true
    let awaited = 0
    let isBeyond = false
    const results: CommitResult[] = []
    for (const commit of commits) {
      const change = onlyChange(commit)
      const ended = this.#endPlainly(commit, change)
      if (ended !== null) {
        isBeyond = true
        level = best
        isPatient &&= change !== undefined || isLetGo(commit.changes, this.#watched)
        results.push(ended)
        continue
      }
      if (isBeyond) {
        settleTouched(desk)
        sweep(desk)
      }
      // By a plain send nothing falls due that was not.
      isBeyond = false
      if (change?.do === 'send' && sendPlainly(desk, change)) {
        level = best
        isPatient = false
        awaited++
        const sent = [{ id: change.message.id, duplicate: false }]
        results.push({ status: 'committed', durability, replayed: false, results: sent })
        continue
      }
      isBeyond = true
      level = Math.max(level, commit.durability === undefined ? best : this.#offers.indexOf(commit.durability))
      settleTouched(desk)
      desk.holdBack()
      const result = decideCommit(desk, commit, this.#offers)
      if (result.status === 'committed' && !isSettling(commit)) awaited += weightOf(result.results)
      isPatient &&= result.status === 'committed' && isLetGo(commit.changes, this.#watched)
      results.push(result)
      settleTouched(desk)
    }
    settleTouched(desk)
    return { results, level: this.#offers[level]!, isPatient, awaited }
  }

  /** null: it goes the long way. */
  #endPlainly(commit: Commit, only: Change | undefined): CommitResult | null {
    if (only !== undefined) return only.do === 'ack' && ackPlainly(this.#desk, only) ? this.#acked : null
    const results = isUnnamed(commit) ? ackWithRecords(this.#desk, commit.changes) : null
    return results === null
      ? null
      : { status: 'committed', durability: this.#acked.durability, replayed: false, results }
  }
}

/** The change of a commit that is nothing else. */
function onlyChange(commit: Commit): Change | undefined {
  // Not taken apart as a list, which would make an iterator for each.
  return isUnnamed(commit) && commit.changes.length === 1 ? commit.changes[0] : undefined
}

/** Whether it has no id, and asks for no durability of its own. */
function isUnnamed({ id, durability, changes }: Commit): boolean {
  return id === undefined && durability === undefined && Array.isArray(changes)
}

function weightOf(results: readonly ChangeResult[]): number {
  let weight = 0
  for (const result of results) weight += Math.max(1, result !== null && 'routed' in result ? (result.routed ?? 0) : 0)
  return weight
}

/** Whether it comes from who has handled a message. */
function isSettling({ changes: [first] }: Commit): boolean {
  return first !== undefined && 'token' in first
}
