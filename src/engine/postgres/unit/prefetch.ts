/** Loads in one go what the commits of a fold name, so that deciding them asks for nothing more in the usual case. */
import type { Change, Commit } from '../../../core/engine.ts'
import { faultOfMessage, type Message } from '../../../core/message.ts'
import { subscriptionQueue } from '../../../core/settings.ts'
import type { EngineLimits } from '../session/limit.ts'
import { isUuid } from '../../../core/id.ts'
import { isQueueName, isTopicName } from '../../../core/name.ts'
import { isRecordKey } from '../../../core/record.ts'
import { parseToken } from '../decide/token.ts'
import { lineOf } from '../decide/place.ts'
import { fromColumn, toColumn } from '../row/row.ts'
import { readTopics } from './read-topics.ts'
import { NO_TALLY, rowKey, type Work } from './unit-of-work.ts'

/** Deliveries of the events of a fold that are looked for together; those of one event more at most. */
const MOST_RECEIVERS = 10_000

interface Named {
  readonly queues: Set<string>
  readonly numbers: Set<number>
  readonly refs: { readonly queue: string; readonly id: string }[]
  readonly keyed: { readonly queue: string; readonly key: string | undefined }[]
  readonly held: { readonly queue: number; readonly id: string }[]
  readonly keys: Set<string>
  readonly dedupes: { readonly scope: string; readonly text: string }[]
  readonly ids: Set<string>
  readonly topics: Set<string>
  readonly events: { readonly topic: string; readonly message: Message }[]
}

export async function prefetch(work: Work, commits: readonly Commit[]): Promise<void> {
  const named: Named = {
    queues: new Set(),
    numbers: new Set(),
    refs: [],
    keyed: [],
    held: [],
    keys: new Set(),
    dedupes: [],
    ids: new Set(),
    topics: new Set(),
    events: [],
  }
  for (const commit of commits) {
    if (typeof commit.id === 'string') named.ids.add(toColumn(commit.id))
    if (!Array.isArray(commit.changes)) continue
    // What is malformed is found where it is decided.
    for (const change of commit.changes)
      if (typeof change === 'object' && change !== null) note(named, change, work.limits)
  }
  await load(work, named)
  await loadReceivers(work, named)
}

function note(named: Named, change: Change, limits: EngineLimits): void {
  switch (change.do) {
    case 'send': {
      const { queue, message } = change
      if (typeof queue !== 'string' || !isQueueName(queue) || typeof message !== 'object' || message === null) return
      named.queues.add(queue)
      if (isUuid(message.id)) named.refs.push({ queue, id: message.id })
      named.keyed.push({ queue, key: typeof message.key === 'string' ? message.key : undefined })
      if (typeof message.dedupe === 'string')
        named.dedupes.push({ scope: `queue ${queue}`, text: toColumn(message.dedupe) })
      return
    }
    case 'publish':
      if (typeof change.topic !== 'string' || !isTopicName(change.topic)) return
      named.topics.add(change.topic)
      if (faultOfMessage(change.message, limits.bodyBytes) === null) named.events.push(change)
      return
    case 'put':
    case 'remove':
      if (typeof change.key === 'string' && isRecordKey(change.key)) named.keys.add(change.key)
      return
    case 'cancel':
    case 'redrive':
    case 'discard':
      if (!Array.isArray(change.messages)) return
      for (const ref of change.messages) {
        if (typeof ref?.queue !== 'string' || !isQueueName(ref.queue) || !isUuid(ref.id)) continue
        named.queues.add(ref.queue)
        named.refs.push(ref)
      }
      return
    case 'ack':
    case 'retry':
    case 'release':
    case 'bury':
    case 'drop': {
      const held = parseToken(change.token)
      if (held === null) return
      named.numbers.add(held.queue)
      named.held.push(held)
      return
    }
    default:
  }
}

async function load(work: Work, named: Named): Promise<void> {
  const { refs, held, dedupes } = named
  const queues = [...named.queues]
  const names = refs.map(({ queue }) => queue)
  const ids = refs.map(({ id }) => id)
  const ask = (name: string, wanted: boolean, values: readonly unknown[]) =>
    wanted ? work.query(name, values) : Promise.resolve({ rows: [] })
  const [known, tallies, byName, pastByName, byToken, records, first, remembered] = await Promise.all([
    ask('load-queues', queues.length + named.numbers.size > 0, [queues, [...named.numbers]]),
    ask('load-tallies-by-name', queues.length > 0, [queues]),
    ask('load-messages-by-name', refs.length > 0, [names, ids]),
    ask('load-past-by-name', refs.length > 0, [names, ids]),
    ask('load-messages', held.length > 0, [held.map(({ queue }) => queue), held.map(({ id }) => id)]),
    ask('load-records', named.keys.size > 0, [[...named.keys]]),
    ask('load-dedupes', dedupes.length > 0, [dedupes.map(({ scope }) => scope), dedupes.map(({ text }) => text)]),
    ask('load-remembered', named.ids.size > 0, [[...named.ids]]),
    named.topics.size > 0 ? readTopics(work, [...named.topics]) : undefined,
  ])
  work.adoptQueues(known.rows)
  for (const name of queues) if (!work.queues.has(name)) work.queues.set(name, null)
  work.adoptTallies(tallies.rows)
  work.adoptRows(byName.rows, 'message')
  work.adoptRows(pastByName.rows, 'past')
  work.adoptRows(byToken.rows, 'message')
  for (const { queue: name, id } of refs) {
    const queue = work.queues.get(name)
    if (queue && !work.rows.has(rowKey(queue, id))) work.rows.set(rowKey(queue, id), null)
  }
  await work.lines.loadHeads([
    ...byToken.rows.flatMap((row) => {
      const queue = work.queuesByNumber.get(row.queue as number)
      return queue === undefined || row.line === null ? [] : [{ queue, name: fromColumn(row.line as string) }]
    }),
    ...named.keyed.flatMap(({ queue: name, key }) => {
      const queue = work.queues.get(name)
      const line = queue ? lineOf(queue, key) : null
      return queue && line !== null ? [{ queue, name: line }] : []
    }),
  ])
  work.adoptRecords(records.rows)
  for (const key of named.keys) work.lackRecord(key)
  work.adoptDedupes(first.rows)
  for (const { scope, text } of dedupes) {
    const key = `${scope} ${text}`
    if (!work.dedupes.has(key)) work.dedupes.set(key, null)
  }
  for (const { id, until, results } of remembered.rows)
    work.remembered.set(id as string, { until: until as number, results: results as string, isStored: true })
}

/** What is known of the queues of those who want the events, in two goes however many they are. */
async function loadReceivers(work: Work, { events }: Named): Promise<void> {
  const wanted: { readonly name: string; readonly id: string; readonly key: string | undefined }[] = []
  for (const { topic: name, message } of events) {
    // The others are looked for where they are decided about.
    if (wanted.length > MOST_RECEIVERS) break
    for (const bound of (await work.topic(name)).subscriptions.wanting(message.event))
      if (bound.status === 'live')
        wanted.push({ name: subscriptionQueue(name, bound.name), id: message.id, key: message.key })
  }
  if (wanted.length === 0) return
  const names = [...new Set(wanted.map(({ name }) => name))]
  const [queues, tallies] = await Promise.all([
    work.query('load-queues', [names.filter((name) => !work.queues.has(name)), []]),
    work.query('load-tallies-by-name', [names]),
  ])
  work.adoptQueues(queues.rows)
  work.adoptTallies(tallies.rows)
  const found = wanted.flatMap(({ name, ...each }) => {
    const queue = work.queues.get(name)
    return queue ? [{ ...each, queue }] : []
  })
  for (const { queue } of found) queue.counted ??= { ...NO_TALLY }
  await Promise.all([
    work.loadRows(found.filter(({ queue, id }) => !work.rows.has(rowKey(queue, id)))),
    work.lines.loadHeads(
      found.flatMap(({ queue, key }) => {
        const line = lineOf(queue, key)
        return line === null ? [] : [{ queue, name: line }]
      }),
    ),
  ])
}
