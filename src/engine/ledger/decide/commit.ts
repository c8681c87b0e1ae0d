/** Decides a Commit: first whether it is refused, against the state and what its own changes will do to it, then change by change. */
import type { Capabilities, Change, ChangeResult, Commit, CommitResult } from '../../../core/engine.ts'
import { faultOfWhen } from '../../../core/message.ts'
import { isFailure, refusalOfById, refusalOfPublish, refusalOfRestore, refusalOfSend } from './check-message.ts'
import {
  noteUnbind,
  refusalOfBind,
  refusalOfConfigure,
  refusalOfPut,
  refusalOfRemove,
  refusalOfRetain,
} from './check-settings.ts'
import { decideById } from './decide-by-id.ts'
import { put, remove } from './decide-record.ts'
import { bind, configure, retain, unbind } from './decide-settings.ts'
import type { Desk } from './desk.ts'
import { settleTouched } from '../time/due.ts'
import { Overlay } from './overlay.ts'
import { publish } from './publish.ts'
import { quote, refuse, type Refusal } from './refusal.ts'
import { restore, send } from './send.ts'
import { settle, type Settlement } from './settle.ts'
import { heldBy } from './token.ts'

/** How long a commit's id is remembered. */
const COMMIT_MEMORY_MS = 600_000
const ID_CHARACTERS = 200
const SETTLING: ReadonlySet<Change['do']> = new Set(['ack', 'retry', 'release', 'bury', 'drop'])

export function decideCommit(desk: Desk, commit: Commit, offers: Capabilities['durability']): CommitResult {
  const durability = commit.durability ?? offers.at(-1)!
  if (commit.id !== undefined) {
    const known = typeof commit.id === 'string' ? desk.state.commits.find(commit.id, desk.now) : undefined
    if (known !== undefined)
      return { ...(JSON.parse(known) as Extract<CommitResult, { status: 'committed' }>), replayed: true }
  }
  const { changes } = commit
  if (!Array.isArray(changes)) return refusedAt(0, refuse('invalid', `changes is ${quote(changes)}: it must be a list`))
  const isSettling = changes.some(isSettlement)
  const refused = refusalOfCommit(desk, commit, offers, isSettling) ?? refusalOfChanges(desk, changes, isSettling)
  if (refused !== null) return refused
  const results =
    changes.length === 1 ? [decide(desk, changes[0])] : changes.map((change: Change) => decideOneOf(desk, change))
  const result: CommitResult = { status: 'committed', durability, replayed: false, results }
  if (commit.id !== undefined) {
    desk.effects.remembered(commit.id, desk.now + COMMIT_MEMORY_MS, JSON.stringify(result))
    desk.isDirty = true
  }
  return result
}

function isSettlement(change: Change | null | undefined): boolean {
  return SETTLING.has(change?.do as Change['do'])
}

function refusalOfCommit(
  desk: Desk,
  { id, durability, changes }: Commit,
  offers: Capabilities['durability'],
  isSettling: boolean,
): CommitResult | null {
  const { limits } = desk
  if (durability !== undefined && !offers.includes(durability)) {
    return refusedAt(
      0,
      refuse('unsupported', `durability is ${quote(durability)}: this engine offers ${offers.join(', ')}`),
    )
  }
  if (changes.length > limits.changes)
    return refusedAt(
      limits.changes,
      refuse('invalid', `there are ${changes.length} changes: a commit has at most ${limits.changes}`),
    )
  if (id === undefined) return null
  if (typeof id !== 'string' || id === '' || id.length > ID_CHARACTERS)
    return refusedAt(
      0,
      refuse('invalid', `the commit's id is ${quote(id)}: it must be a text of 1 to ${ID_CHARACTERS} characters`),
    )
  const { commits } = desk.state
  if (isSettling || commits.size < limits.commitIds) return null
  commits.sweepAll(desk.now)
  return commits.size < limits.commitIds
    ? null
    : refusedAt(
        0,
        refuse('full', `${commits.size} commit ids are remembered: the engine holds at most ${limits.commitIds}`),
      )
}

function refusalOfChanges(desk: Desk, changes: readonly Change[], isSettling: boolean): CommitResult | null {
  const overlay = changes.length > 1 ? new Overlay() : null
  let refs = 0
  for (let at = 0; at < changes.length; at++) {
    const change = changes[at]!
    const refusal = refusalOfAny(desk, change, overlay, isSettling)
    if (refusal !== null) return refusedAt(at, refusal)
    if ('messages' in change && (refs += change.messages.length) > desk.limits.changes) {
      return refusedAt(
        at,
        refuse('invalid', `there are ${refs} messages: a commit names at most ${desk.limits.changes}`),
      )
    }
  }
  return null
}

/** Nothing is applied yet, so whatever a malformed change trips over is a refusal. */
function refusalOfAny(desk: Desk, change: Change, overlay: Overlay | null, isSettling: boolean): Refusal | null {
  try {
    return refusalOf(desk, change, overlay, isSettling)
  } catch (error) {
    return refuse('invalid', `the change is malformed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function refusalOf(desk: Desk, change: Change, overlay: Overlay | null, isSettling: boolean): Refusal | null {
  switch (change.do) {
    case 'send':
      return refusalOfSend(desk, change.queue, change.message, overlay, isSettling)
    case 'publish':
      return refusalOfPublish(desk, change.topic, change.message, isSettling)
    case 'put':
      return refusalOfPut(desk, change, overlay, isSettling)
    case 'remove':
      return refusalOfRemove(desk, change.key, change.ifVersion, overlay)
    case 'configure':
      return refusalOfConfigure(desk, change.queue, change.settings, change.ifVersion, overlay)
    case 'retain':
      return refusalOfRetain(desk, change.topic, change.retention, change.ifVersion, overlay)
    case 'bind':
      return refusalOfBind(desk, change.subscription, change.ifVersion, overlay)
    case 'unbind':
      return noteUnbind(change.topic, change.name, overlay)
    case 'cancel':
    case 'redrive':
    case 'discard':
      return refusalOfById(desk, change.do, change.messages, overlay)
    case 'restore':
      return refusalOfRestore(desk, change.message)
    case 'ack':
    case 'retry':
    case 'release':
    case 'bury':
    case 'drop':
      return refusalOfSettlement(desk, change, overlay)
    default:
      return refuse(
        'unsupported',
        `do is ${quote((change as { readonly do?: unknown }).do)}: this engine knows no such change`,
      )
  }
}

function refusalOfSettlement(desk: Desk, change: Settlement, overlay: Overlay | null): Refusal | null {
  if ((change.do === 'retry' || change.do === 'release') && !(change.delay && !faultOfWhen(change.delay)))
    return refuse(
      'invalid',
      `delay is ${quote(change.delay)}: it must be { afterMs } of at least 0 or { at } in ms since the epoch`,
    )
  if ((change.do === 'retry' || change.do === 'bury') && !isFailure(change.error))
    return refuse('invalid', `error is ${quote(change.error)}: it must have a code that is not empty and a message`)
  if (change.do === 'drop' && typeof change.reason !== 'string')
    return refuse('invalid', `reason is ${quote(change.reason)}: it must be a text`)
  const slot = typeof change.token === 'string' ? heldBy(desk.state.messages.slots, change.token) : 0
  if (slot === 0) return refuse('stale', 'the token holds no lease: it was settled, or its lease has lapsed')
  if (overlay === null) return null
  if (overlay.settled.has(slot)) return refuse('stale', 'the token was settled by an earlier change of this commit')
  overlay.settled.add(slot)
  return null
}

/** What a change makes room for is filled before the next change, as if it were a commit of its own. */
function decideOneOf(desk: Desk, change: Change): ChangeResult {
  const result = decide(desk, change)
  settleTouched(desk)
  return result
}

function decide(desk: Desk, change: Change): ChangeResult {
  switch (change.do) {
    case 'send':
      return send(desk, change.queue, change.message)
    case 'publish':
      return publish(desk, change.topic, change.message)
    case 'put':
      return put(desk, change)
    case 'remove':
      return remove(desk, change.key)
    case 'configure':
      return configure(desk, change.queue, change.settings)
    case 'retain':
      return retain(desk, change.topic, change.retention)
    case 'bind':
      return bind(desk, change.subscription)
    case 'unbind':
      return unbind(desk, change.topic, change.name)
    case 'cancel':
    case 'redrive':
    case 'discard':
      return decideById(desk, change.do, change.messages)
    case 'restore':
      return restore(desk, change.message)
    default:
      settle(desk, change)
      return null
  }
}

function refusedAt(at: number, { code, detail }: Refusal): CommitResult {
  return { status: 'refused', code, at, detail }
}
