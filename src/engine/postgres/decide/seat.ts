/**
 * Decides what users' transactions have brought, once they have committed: first of all in a round, so that whatever is read or handed out
 * after them sees it, and no lease that one of them has ended can lapse.
 */
import type { ChangeResult, Commit } from '../../../core/engine.ts'
import type { Message, Report } from '../../../core/message.ts'
import { decodeArrival } from '../../sql/arrival.ts'
import { prefetch } from '../unit/prefetch.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { decideCommit } from './commit.ts'
import { tell } from './ending.ts'

/** Of one round. */
const MOST_CHARACTERS = 16 * 1_048_576

export async function seat(work: Work): Promise<void> {
  const { rows } = await work.query('load-arrivals', [work.limits.sweep, MOST_CHARACTERS])
  if (rows.length === 0) return
  const arrivals = rows.map(({ n, at, text }) => ({
    n: n as number,
    at: at as number,
    commit: { changes: decodeArrival(text as string, work.now - (at as number)) } satisfies Commit,
  }))
  await prefetch(
    work,
    arrivals.map(({ commit }) => commit),
  )
  for (const { n, at, commit } of arrivals) {
    const decided = await decideCommit(work, commit, [], true)
    if (decided.status === 'refused') {
      work.unseated.push({ n, reason: `${decided.code} at ${decided.at}: ${decided.detail}` })
      continue
    }
    work.seated.push(n)
    for (const [place, change] of commit.changes.entries())
      if (change.do === 'send') await tellOfDuplicate(work, change.queue, change.message, at, decided.results[place]!)
  }
}

/** Another was faster with the dedupe text: the sender, who was told an id of its own, hears that this one ended. */
async function tellOfDuplicate(
  work: Work,
  queue: string,
  message: Message,
  at: number,
  result: ChangeResult,
): Promise<void> {
  if (result === null || !('duplicate' in result) || result.id === message.id || message.report === undefined) return
  const { body: _, ...attributes } = message
  const report: Report = {
    id: message.id,
    queue,
    state: 'discarded',
    reason: `a duplicate of ${result.id}`,
    acquired: 0,
    failed: 0,
    sentAt: at,
    endedAt: work.now,
    message: attributes,
  }
  await tell(work, message.report, report)
}
