/**
 * Commits that share a transaction are decided as if each came alone: what the one before brought beyond its bounds is forgotten first, as far
 * as the next could tell.
 */
import type { Commit } from '../../../core/engine.ts'
import { end } from '../decide/ending.ts'
import { feedTouched } from '../decide/feed.ts'
import { trimTopic } from '../decide/retained.ts'
import { trimFuller } from '../decide/trim.ts'
import { DISCARDED, type Topic } from '../row/row.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { keepHouse, planHouse } from './house.ts'

/** Before a commit that is not the first. */
export async function catchUp(work: Work, next: Commit): Promise<void> {
  const isOverdue = ({ houseAt }: { readonly houseAt: number | null }): boolean =>
    houseAt !== null && houseAt <= work.now
  const queues = [...work.queuesByNumber.values()].filter((queue) => !queue.isGone && isOverdue(queue))
  const topics = [...work.topics.values()].filter((topic) => isOverdue(topic) && isLookedAt(topic, next))
  if (queues.length === 0 && topics.length === 0) return
  work.undo.begin()
  for (const topic of topics) await trimTopic(work, topic)
  for (const queue of queues)
    for (const row of await keepHouse(work, queue)) await end(work, row, DISCARDED, 'reported', row.reason)
  await trimFuller(work)
  await feedTouched(work)
  for (const queue of queues) await planHouse(work, queue)
  await feedTouched(work)
}

/** Whether somebody is owed what the topic keeps, or is about to be. Else it is forgotten in good time. */
function isLookedAt({ name, subscriptions }: Topic, { changes }: Commit): boolean {
  return (
    subscriptions.lagging().length > 0 ||
    (Array.isArray(changes) && changes.some((change) => change?.do === 'bind' && change.subscription?.topic === name))
  )
}
