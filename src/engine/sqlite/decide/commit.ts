/**
 * Decides a Commit. One change is checked, then applied. Of several, those that can be checked before the first is applied are; any other commit
 * runs between a savepoint and its release, so that a refused one leaves nothing.
 */
import type { ChangeResult, RefusalCode } from '../../../core/engine.ts'
import { isOwnKey } from '../../../core/name.ts'
import { isSettlement, type Settlement } from '../../sql/check.ts'
import { refuse, type Refusal } from '../../sql/refusal.ts'
import type { Desk } from '../desk.ts'
import type { Sent, SentChange, SentCommit } from '../wire/request.ts'
import { ACKED, type Standing } from '../state/message.ts'
import type { Queue } from '../state/queue.ts'
import { HAS_REMEMBERED, PUT_REMEMBERED, REMEMBERED, SWEEP_REMEMBERED } from '../state/record.ts'
import { decideById } from './by-id.ts'
import { keeps } from './ending.ts'
import { incoming } from './insert.ts'
import { publish } from './publish.ts'
import { put, refusalOfNewRecord, refusalOfVersion, remove } from './record.ts'
import { findFirst, refusalOfDedupe, refusalOfRoom, restore, send } from './send.ts'
import { bind, configure, retain, unbind } from './settings.ts'
import { settle } from './settle.ts'
import { settleTouched } from './sweep.ts'
import { heldBy } from './token.ts'

/** How long a commit's id is remembered. */
const COMMIT_MEMORY_MS = 600_000

export type Decided =
  | { readonly replayed: boolean; readonly results: readonly ChangeResult[] }
  | { readonly code: RefusalCode; readonly at: number; readonly detail: string }

export function decideCommit(desk: Desk, { id, changes }: SentCommit): Decided {
  if (id !== null) {
    const known = desk.statements.of(REMEMBERED).first(id, desk.now)
    if (known !== undefined) return { replayed: true, results: JSON.parse(known[0] as string) as ChangeResult[] }
  }
  const isSettling = changes.some((change) => isSettlement(change as never))
  const full = id === null || isSettling ? null : refusalOfMemory(desk)
  if (full !== null) return { ...full, at: 0 }
  const decided =
    changes.length === 1
      ? decideOne(desk, changes[0]!, isSettling)
      : isSettling && changes.every(isCheckable)
        ? decideChecked(desk, changes)
        : decideHeld(desk, changes, isSettling)
  if (id !== null && 'results' in decided) rememberCommit(desk, id, decided.results)
  return decided
}

function decideOne(desk: Desk, change: SentChange, isSettling: boolean): Decided {
  const result = apply(desk, change, isSettling)
  if (isRefusal(result)) return { ...result, at: 0 }
  settleTouched(desk)
  return { replayed: false, results: [result] }
}

/** Changes that nothing can refuse once their tokens and versions have been checked, in a commit to which no limits hold. */
function isCheckable(change: SentChange): boolean {
  return isSettlement(change as never) || ['send', 'publish', 'put', 'remove'].includes(change.do)
}

function decideChecked(desk: Desk, changes: readonly SentChange[]): Decided {
  const held: (Standing | null)[] = []
  const named = new Set<string>()
  for (const [at, change] of changes.entries()) {
    const name = isSettlement(change as never)
      ? (change as { readonly token: string }).token
      : 'key' in change
        ? change.key
        : null
    if (name !== null && named.has(name)) return decideHeld(desk, changes, true)
    if (name !== null) named.add(name)
    const message = 'token' in change ? heldBy(desk, change.token, goesWith(change)) : null
    const refusal =
      message === undefined
        ? STALE
        : change.do === 'put' || change.do === 'remove'
          ? refusalOfVersion(desk, change.key, change.ifVersion)
          : null
    if (refusal !== null) return { ...refusal, at }
    held.push(message ?? null)
  }
  const results = changes.map((change, at) => {
    const message = held[at]!
    const result =
      'token' in change && message !== null
        ? (settle(desk, message, change), null)
        : (apply(desk, change, true) as ChangeResult)
    settleTouched(desk)
    return result
  })
  return { replayed: false, results }
}

function decideHeld(desk: Desk, changes: readonly SentChange[], isSettling: boolean): Decided {
  const { database } = desk.statements
  const restoreMemory = desk.hold()
  database.exec('savepoint held')
  const results: ChangeResult[] = []
  for (const [at, change] of changes.entries()) {
    const result = apply(desk, change, isSettling)
    if (isRefusal(result)) {
      database.exec('rollback to held')
      database.exec('release held')
      restoreMemory()
      return { ...result, at }
    }
    results.push(result)
    settleTouched(desk)
  }
  database.exec('release held')
  desk.keep()
  return { replayed: false, results }
}

function apply(desk: Desk, change: SentChange, isSettling: boolean): ChangeResult | Refusal {
  switch (change.do) {
    case 'send':
      return send(desk, change.queue, change.message, isSettling)
    case 'publish':
      return (
        (isSettling ? null : refusalOfPublish(desk, change.topic, change.message)) ??
        publish(desk, change.topic, incoming(desk, change.message))
      )
    case 'put':
      return (
        refusalOfVersion(desk, change.key, change.ifVersion) ??
        (isSettling
          ? null
          : (refusalOfNewRecord(desk, change.key) ?? (isOwnKey(change.key) ? null : refusalOfRoom(desk)))) ??
        put(desk, change)
      )
    case 'remove':
      return refusalOfVersion(desk, change.key, change.ifVersion) ?? remove(desk, change.key)
    case 'configure':
      return configure(desk, change)
    case 'retain':
      return retain(desk, change)
    case 'bind':
      return bind(desk, change)
    case 'unbind':
      return unbind(desk, change)
    case 'cancel':
    case 'redrive':
    case 'discard':
      return decideById(desk, change.do, change.messages)
    case 'restore':
      return restore(desk, change.message, change.stored)
    default: {
      const message = heldBy(desk, change.token, goesWith(change))
      if (message === undefined) return STALE
      settle(desk, message, change)
      return null
    }
  }
}

const goesWith =
  (change: Settlement) =>
  (queue: Queue): boolean =>
    change.do === 'ack' && !keeps(queue, ACKED)

const STALE = refuse('stale', 'the token holds no lease: it was settled, or its lease has lapsed')

function isRefusal(result: ChangeResult | Refusal): result is Refusal {
  return result !== null && 'code' in result
}

function refusalOfPublish(desk: Desk, topic: string, [, , , , , dedupe]: Sent): Refusal | null {
  const isDuplicate = dedupe !== null && findFirst(desk, `topic ${topic}`, dedupe) !== undefined
  return isDuplicate ? null : (refusalOfDedupe(desk, dedupe) ?? refusalOfRoom(desk))
}

function refusalOfMemory(desk: Desk): Refusal | null {
  const { numbers, limits } = desk
  if (numbers.commits < limits.commitIds) return null
  numbers.commits -= desk.run(SWEEP_REMEMBERED, desk.now, limits.commitIds)
  return numbers.commits < limits.commitIds
    ? null
    : refuse('full', `${numbers.commits} commit ids are remembered: the engine holds at most ${limits.commitIds}`)
}

function rememberCommit(desk: Desk, id: string, results: readonly ChangeResult[]): void {
  desk.isDirty = true
  if (desk.statements.of(HAS_REMEMBERED).first(id) === undefined) desk.numbers.commits++
  desk.run(PUT_REMEMBERED, id, JSON.stringify(results), desk.now + COMMIT_MEMORY_MS)
}
