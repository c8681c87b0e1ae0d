/** Writes what a unit of work has changed: a statement for each kind of change, all sent at once. */
import {
  tableOf,
  toColumn,
  type Bound,
  type Event,
  type Queue,
  type Record,
  type Row,
  type Shared,
  type Topic,
} from '../row/row.ts'
import type { Work } from './unit-of-work.ts'

export type Write = readonly [statement: string, values: readonly unknown[]]

/** The part of a unit of work that is written. */
export type Written = Pick<
  Work,
  | 'replaced'
  | 'rows'
  | 'queuesByNumber'
  | 'records'
  | 'dedupes'
  | 'freshDedupes'
  | 'remembered'
  | 'freshRemembered'
  | 'topics'
  | 'goneBounds'
  | 'seated'
  | 'unseated'
>

/** In this order: an id that was freed may be taken again. */
/** @param revision a number above those of all transactions before */
export function writesOf(work: Written, revision: number): readonly Write[] {
  const rows = [...work.replaced, ...work.rows.values()].filter((row) => row !== null && (row.isDirty || row.isGone))
  return [
    ...writesOfQueues([...work.queuesByNumber.values()]),
    ...writesOfRows(rows as Row[]),
    ...writesOfShared(rows as Row[], [...work.topics.values()].flatMap(freshOf)),
    ...writesOfTallies([...work.queuesByNumber.values()]),
    ...writesOfRecords([...work.records.values()].filter(({ isDirty }) => isDirty)),
    ...writesOfMemory(work),
    ...writesOfTopics(work, revision),
    ...some('delete-arrivals', work.seated, [(n) => n]),
    ...some('refuse-arrivals', work.unseated, [(each) => each.n, (each) => toColumn(each.reason)]),
  ]
}

function writesOfQueues(queues: readonly Queue[]): Write[] {
  const gone = queues.filter(({ isGone, isNew }) => isGone && !isNew)
  const dirty = queues.filter(({ isDirty, isGone }) => isDirty && !isGone)
  return [
    ...some('delete-queues', gone, [(each) => each.number]),
    ...some('put-queues', dirty, [
      (each) => each.number,
      (each) => each.name,
      (each) => JSON.stringify(each.settings),
      (each) => each.isUnbound,
      (each) => each.lineBy,
      (each) => each.isLagging,
      (each) => each.usedAt,
      (each) => each.houseAt,
    ]),
  ]
}

function writesOfRows(rows: readonly Row[]): Write[] {
  const target = (row: Row): 'message' | 'past' | null => (row.isGone ? null : tableOf(row.state))
  const from = (origin: Row['origin'], to: 'message' | 'past' | null): Row[] =>
    rows.filter((row) => row.origin === origin && target(row) === to)
  const key: readonly Column<Row>[] = [(row) => row.queue.number, (row) => row.id]
  return [
    ...some('delete-messages', from('message', null), key),
    ...some('delete-past', from('past', null), key),
    ...some('end-messages', from('message', 'past'), [...key, ...CHANGING]),
    ...some('revive-messages', from('past', 'message'), [...key, ...CHANGING]),
    ...some('update-messages', from('message', 'message'), [...key, ...CHANGING]),
    ...some('update-past', from('past', 'past'), [...key, ...CHANGING]),
    ...some('insert-messages', from(null, 'message'), [...key, ...CHANGING, ...LASTING]),
    ...some('insert-past', from(null, 'past'), [...key, ...CHANGING, ...LASTING]),
  ]
}

/** Bodies of what is new, where the database does not have them yet. */
function writesOfShared(rows: readonly Row[], events: readonly Event[]): Write[] {
  const fresh = new Set<Shared>()
  for (const { shared, isGone } of rows) if (shared !== null && !shared.isStored && !isGone) fresh.add(shared)
  for (const { shared } of events) if (shared !== null && !shared.isStored) fresh.add(shared)
  return some('insert-shared', [...fresh], [(each) => each.n, (each) => each.body])
}

type Column<T> = (each: T) => unknown

const CHANGING: readonly Column<Row>[] = [
  (row) => row.state,
  (row) => row.place,
  (row) => row.lineSeq,
  (row) => row.lease,
  (row) => row.holder,
  (row) => row.until,
  (row) => row.due,
  (row) => row.isWallDue,
  (row) => row.acquired,
  (row) => row.failed,
  (row) => row.released,
  (row) => row.isCancelled,
  (row) => row.endedAt,
  (row) => row.turn,
  (row) => (row.reason === null ? null : toColumn(row.reason)),
  (row) => (row.failures.length === 0 ? null : JSON.stringify(row.failures)),
]

const LASTING: readonly Column<Row>[] = [
  (row) => row.seq,
  (row) => row.rank,
  (row) => (row.line === null ? null : toColumn(row.line)),
  (row) => row.expires,
  (row) => row.isWallExpires,
  (row) => row.sentAt,
  (row) => row.size,
  (row) => row.report,
  (row) => row.attrs,
  bodyOf,
  numberOf,
]

/** Where it is shared it is in a table of its own. */
function bodyOf({ body, shared }: Row | Event): Uint8Array | null {
  return shared === null ? body : NOTHING
}

function numberOf({ shared }: Row | Event): number | null {
  return shared?.n ?? null
}

const NOTHING = new Uint8Array()

function writesOfTallies(queues: readonly Queue[]): Write[] {
  const counted = queues.filter(({ tally, isGone }) => !isGone && Object.values(tally).some((count) => count !== 0))
  return some('insert-tallies', counted, [
    (each) => each.number,
    (each) => each.tally.living,
    (each) => each.tally.bytes,
    (each) => each.tally.acked,
    (each) => each.tally.expired,
    (each) => each.tally.cancelled,
    (each) => each.tally.discarded,
  ])
}

function writesOfRecords(records: readonly Record[]): Write[] {
  const gone = records.filter(({ isThere, isStored }) => !isThere && isStored)
  const there = records.filter(({ isThere }) => isThere)
  // The first is in the row of its record.
  const aliases = there.flatMap(({ key, aliases: [, ...others] }) => others.map((alias) => ({ key, alias })))
  return [
    ...some('delete-records', gone, [(each) => each.key]),
    ...some('put-records', there, [
      (each) => each.key,
      (each) => each.version,
      (each) => each.expires,
      (each) => each.value,
      (each) => each.aliases[0] ?? null,
    ]),
    ...some(
      'delete-aliases',
      there.filter(({ isStored }) => isStored),
      [(each) => each.key],
    ),
    ...some('insert-aliases', aliases, [(each) => each.alias, (each) => each.key]),
  ]
}

function writesOfMemory(work: Written): Write[] {
  const dedupes = [...work.freshDedupes].flatMap((key) => work.dedupes.get(key) ?? [])
  const remembered = [...work.freshRemembered].flatMap((id) => {
    const memory = work.remembered.get(id)
    return memory === null || memory === undefined ? [] : [{ id, ...memory }]
  })
  return [
    ...some('put-dedupes', dedupes, [
      (each) => each.scope,
      (each) => each.text,
      (each) => each.until,
      (each) => each.id,
    ]),
    ...some('put-remembered', remembered, [(each) => each.id, (each) => each.until, (each) => each.results]),
  ]
}

function writesOfTopics(work: Written, revision: number): Write[] {
  const topics = [...work.topics.values()].filter(({ isDirty }) => isDirty)
  const fresh = topics.flatMap((topic) => freshOf(topic).map((event) => ({ name: topic.name, ...event })))
  const changed = [...work.topics.values()].flatMap(({ subscriptions }) => subscriptions.changed())
  const key: readonly Column<Bound>[] = [(each) => each.topic, (each) => each.name]
  return [
    ...some(
      'delete-topics',
      topics.filter(({ retention, isStored }) => retention === null && isStored),
      [(each) => each.name],
    ),
    ...some(
      'put-topics',
      topics.filter(({ retention }) => retention !== null),
      [(each) => each.name, (each) => JSON.stringify(each.retention), (each) => each.events, (each) => each.houseAt],
    ),
    ...some(
      'forget-events',
      topics.filter(({ forgotten }) => forgotten > 0),
      [(each) => each.name, (each) => each.forgotten],
    ),
    ...some('insert-events', fresh, [
      (each) => each.name,
      (each) => each.position,
      (each) => each.at,
      (each) => each.attrs,
      bodyOf,
      numberOf,
    ]),
    ...some('delete-subscriptions', work.goneBounds, [...key, () => revision]),
    ...some('put-subscriptions', changed, [
      ...key,
      (each) => each.number,
      (each) => each.version,
      (each) => JSON.stringify(each.definition),
      (each) => each.status,
      (each) => each.cursor,
      (each) => each.hasGap,
      (each) => JSON.stringify(each.gaps),
      () => revision,
    ]),
  ]
}

/** What it keeps from now on. */
function freshOf({ fresh, forgotten }: Topic): readonly Event[] {
  return fresh.filter(({ position }) => position > forgotten)
}

/** Nothing where there is nothing to write; else one list a column. */
function some<T>(statement: string, items: readonly T[], columns: readonly Column<T>[]): Write[] {
  return items.length === 0 ? [] : [[statement, columns.map((column) => items.map(column))]]
}
