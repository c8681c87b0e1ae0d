/** Decides a Commit: change by change, and if one is refused, what the others did is taken back. */
import type { Capabilities, Change, ChangeResult, Commit, CommitResult } from '../../../core/engine.ts'
import { toColumn } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { decideById } from './by-id.ts'
import { feedTouched } from './feed.ts'
import { publish } from './publish.ts'
import { put, remove } from './record.ts'
import { quote } from '../../sql/refusal.ts'
import { Refusal, refuse } from './refusal.ts'
import { restore, send } from './send.ts'
import { bind, configure, retain, unbind } from './settings.ts'
import { settle, type Settlement } from './settle.ts'
import { trimFuller } from './trim.ts'

/** How long a commit's id is remembered. */
const COMMIT_MEMORY_MS = 600_000
const ID_CHARACTERS = 200
const SETTLING: ReadonlySet<Change['do']> = new Set(['ack', 'retry', 'release', 'bury', 'drop'])

/** @param isAdmitted it is taken already, so limits do not hold for it */
export async function decideCommit(
  work: Work,
  commit: Commit,
  offers: Capabilities['durability'],
  isAdmitted = false,
): Promise<CommitResult> {
  const { id } = commit
  const text = typeof id === 'string' ? toColumn(id) : null
  const known = text === null ? null : work.remembered.get(text)
  if (known !== null && known !== undefined && known.until > work.now) {
    const first = JSON.parse(known.results) as Pick<Extract<CommitResult, { status: 'committed' }>, 'results'>
    return { status: 'committed', durability: 'disk', replayed: true, results: first.results }
  }
  work.undo.begin()
  const hints = work.hints.length
  const done = { at: 0 }
  try {
    const results = await apply(work, commit, offers, done, isAdmitted)
    if (text !== null) {
      const isStored = known !== null && known !== undefined && known.isStored
      const memory = { until: work.now + COMMIT_MEMORY_MS, results: JSON.stringify({ results }), isStored }
      work.undo.put(work.remembered, text, memory)
      work.freshRemembered.add(text)
    }
    return { status: 'committed', durability: 'disk', replayed: false, results }
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof TypeError)) throw error
    work.undo.back()
    work.hints.length = hints
    work.touched.clear()
    if (error instanceof Refusal) return { status: 'refused', code: error.code, at: done.at, detail: error.message }
    // Whatever a malformed change trips over is a refusal.
    return { status: 'refused', code: 'invalid', at: done.at, detail: `the change is malformed: ${error.message}` }
  }
}

async function apply(
  work: Work,
  { id, durability, changes }: Commit,
  offers: Capabilities['durability'],
  done: { at: number },
  isAdmitted: boolean,
): Promise<ChangeResult[]> {
  const { limits } = work
  if (!Array.isArray(changes)) refuse('invalid', `changes is ${quote(changes)}: it must be a list`)
  if (durability !== undefined && !offers.includes(durability))
    refuse('unsupported', `durability is ${quote(durability)}: this engine offers ${offers.join(', ')}`)
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > ID_CHARACTERS))
    refuse('invalid', `the commit's id is ${quote(id)}: it must be a text of 1 to ${ID_CHARACTERS} characters`)
  if (changes.length > limits.changes) {
    done.at = limits.changes
    refuse('invalid', `there are ${changes.length} changes: a commit has at most ${limits.changes}`)
  }
  const isLimited = !isAdmitted && !changes.some((change) => SETTLING.has(change?.do))
  const results: ChangeResult[] = []
  let refs = 0
  for (const change of changes) {
    if ('messages' in change && Array.isArray(change.messages) && (refs += change.messages.length) > limits.changes)
      refuse('invalid', `there are ${refs} messages: a commit names at most ${limits.changes}`)
    results.push(await decide(work, change, isLimited))
    await feedTouched(work)
    done.at++
  }
  await trimFuller(work)
  await feedTouched(work)
  return results
}

function decide(work: Work, change: Change, isLimited: boolean): Promise<ChangeResult> {
  switch (change.do) {
    case 'send':
      return send(work, change.queue, change.message, isLimited)
    case 'publish':
      return publish(work, change.topic, change.message)
    case 'put':
      return put(work, change)
    case 'remove':
      return remove(work, change.key, change.ifVersion)
    case 'configure':
      return configure(work, change.queue, change.settings, change.ifVersion)
    case 'retain':
      return retain(work, change.topic, change.retention, change.ifVersion)
    case 'bind':
      return bind(work, change.subscription, change.ifVersion)
    case 'unbind':
      return unbind(work, change.topic, change.name)
    case 'cancel':
    case 'redrive':
    case 'discard':
      return decideById(work, change.do, change.messages)
    case 'restore':
      return restore(work, change.message)
    case 'ack':
    case 'retry':
    case 'release':
    case 'bury':
    case 'drop':
      return settle(work, change satisfies Settlement)
    default:
      return refuse(
        'unsupported',
        `do is ${quote((change as { readonly do?: unknown }).do)}: this engine knows no such change`,
      )
  }
}
