/** Reads topics into a unit of work, with their subscriptions. */
import type { Answer } from '../connection/driver.ts'
import { KnownSubscriptions, UNKNOWN } from './known-topics.ts'
import { toBound, toTopic } from './read-row.ts'
import { BoundSubscriptions } from './subscriptions.ts'
import type { Work } from './unit-of-work.ts'

/** Their subscriptions as far as they have changed since this process knows them. */
export async function readTopics(work: Work, names: readonly string[]): Promise<void> {
  const { clears } = work.knownTopics
  const known = new Map(names.map((name) => [name, work.knownTopics.find(name)]))
  const revisions = names.map((name) => known.get(name)?.revision ?? UNKNOWN)
  const [topics, subscriptions] = await Promise.all([
    work.query('load-topics', [names]),
    work.query('load-subscriptions', [names, revisions]),
  ])
  const rows = Map.groupBy(subscriptions.rows, ({ topic }) => topic as string)
  for (const name of names) {
    if (work.topics.has(name)) continue
    const columns = topics.rows.find(({ topic }) => topic === name)
    work.topics.set(
      name,
      toTopic(name, columns, subscriptionsOf(work, name, rows.get(name)!, known.get(name)!, clears)),
    )
  }
}

function subscriptionsOf(
  work: Work,
  topic: string,
  rows: Answer['rows'],
  before: KnownSubscriptions | null,
  clears: number,
): BoundSubscriptions {
  // There may be more of them than a call takes arguments.
  const revision = rows.reduce((most, row) => Math.max(most, row.revision as number), UNKNOWN)
  const bounds = rows.filter(({ name }) => name !== null).map(toBound)
  const isWhole = before === null || rows[0]!.is_all === true
  const known = isWhole ? new KnownSubscriptions(bounds, revision) : before
  const later = isWhole ? [] : bounds
  if (revision > UNKNOWN) work.learnt.push({ topic, known, later, revision, clears })
  return new BoundSubscriptions(work.undo, known, later)
}
