/** The tables as pieces, in order. */
import type { ChangeResult } from '../../../core/engine.ts'
import type { StoredFailure } from '../../../core/message.ts'
import type { QueueSettings, Retention, StoredSubscription, Subscription } from '../../../core/settings.ts'
import type { MessagePiece, Piece } from '../../../core/transfer.ts'
import { attributesOf, type Content } from '../wire/content.ts'
import type { Row } from '../driver/driver.ts'
import type { Statements } from '../driver/statements.ts'
import { Bundle, BUNDLE, BUNDLE_CONTENT, seqOf } from '../state/bundle.ts'
import { CONTENT, DELAYED, FAILURES_OF, LEASED, READY, STATE_NAMES, STRICT_LINE } from '../state/message.ts'
import { readNumbers } from '../state/meta.ts'
import { ALIASES_OF } from '../state/record.ts'
import { Shared } from '../state/shared.ts'
import { EVENT_CONTENT } from '../state/topic.ts'

const PAGE = 500
const QUEUES = 'select id, name, settings, version, unbound from queue order by name'
const COLUMNS = `seq, state, place, due, wall_due, line, head, sent_at, acquired, failed, released, cancel, history, ended_at, reason, split, ${CONTENT}`
const MESSAGES = `select ${COLUMNS} from message where queue = ? and seq > ? order by seq limit ${PAGE}`
/** Who is held, in the order of the lines. */
const HELD_RANKS =
  'select seq, row_number() over (partition by line order by place) from message where queue = ? and state = 3'
const NEXT_BUNDLE = 'select n from bundle where queue = ? and n > ? order by n limit 1'
const TOPICS = 'select id, name, retention, version from topic order by name'
const EVENTS = `select position, at, split, ${EVENT_CONTENT} from retained where topic = ? and position > ? order by position limit ${PAGE}`
const RECORDS = `select key, value, version, expires_at from record where key > ? and value is not null order by key limit ${PAGE}`
const DEDUPES = `select scope, text, id, until from dedupe where (scope, text) > (?, ?) order by scope, text limit ${PAGE}`
const COMMITS = `select id, results, until from remembered where id > ? order by id limit ${PAGE}`
const SUBSCRIPTIONS =
  'select s.subscription, s.version, s.status, s.cursor, s.has_gap, s.gaps from subscription s join topic t on t.id = s.topic order by t.name, s.name'

export function* piecesOf(statements: Statements, now: number, at: number): Generator<Piece, void, undefined> {
  const { version, position } = readNumbers(statements)!
  yield { is: 'head', now, highest: Math.max(version, position) }
  for (const row of statements.of(QUEUES).all()) yield* piecesOfQueue(statements, row)
  for (const row of statements.of(TOPICS).all()) yield* piecesOfTopic(statements, row)
  yield* records(statements)
  yield* remembered(statements, at)
  for (const [subscription, given, status, cursor, hasGap, gaps] of statements.of(SUBSCRIPTIONS).all())
    yield {
      is: 'subscription',
      subscription: JSON.parse(subscription as string) as Subscription,
      version: given as number,
      status: status as StoredSubscription['status'],
      cursor: cursor as number,
      hasGap: hasGap === 1,
      gaps: JSON.parse(gaps as string) as StoredSubscription['gaps'],
    }
}

function* piecesOfQueue(statements: Statements, row: Row): Generator<Piece, void, undefined> {
  const [id, name, settings, version, unbound] = row as readonly [number, string, string, number, number]
  yield { is: 'queue', name, settings: JSON.parse(settings) as QueueSettings, version, unbound: unbound === 1 }
  const ranks = new Map(statements.of(HELD_RANKS).all(id) as readonly (readonly [number, number])[])
  const alone = paged(statements, MESSAGES, (last) => [id, last?.[0] ?? 0])
  let next = alone.next()
  // One that was taken out of its bundle has its number, and its place, among the others of it.
  for (const bundle of bundlesOf(statements, id)) {
    for (let at = 0; at < bundle.size; at++) {
      for (; next.done !== true && (next.value[0] as number) < seqOf(bundle, at); next = alone.next())
        yield messageOf(statements, name, next.value, ranks)
      if (!bundle.isGone(at)) yield bundled(bundle, at, name)
    }
  }
  for (; next.done !== true; next = alone.next()) yield messageOf(statements, name, next.value, ranks)
}

function* bundlesOf(statements: Statements, queue: number): Generator<Bundle, void, undefined> {
  const shared = new Shared(statements)
  for (let n = statements.of(NEXT_BUNDLE).first(queue, -1)?.[0]; n !== undefined;) {
    const bundle = new Bundle(statements.of(BUNDLE).first(n)!)
    bundle.load(statements.of(BUNDLE_CONTENT).first(n)![0] as Uint8Array, (n) => shared.read(n))
    yield bundle
    n = statements.of(NEXT_BUNDLE).first(queue, n)?.[0]
  }
}

function bundled(bundle: Bundle, at: number, queue: string): MessagePiece {
  const run = bundle.runOf(at)
  return {
    is: 'message',
    queue,
    message: toMessage(bundle.content.of(at)),
    state: run === undefined ? 'ready' : 'leased',
    sentAt: bundle.place,
    readyAt: bundle.place,
    wallDue: false,
    leaseUntil: run?.until ?? null,
    endedAt: null,
    line: null,
    rank: null,
    acquired: run === undefined ? 0 : 1,
    failed: 0,
    released: 0,
    failures: [],
    cancelRequested: false,
    reason: null,
  }
}

function messageOf(statements: Statements, queue: string, row: Row, ranks: ReadonlyMap<number, number>): MessagePiece {
  const [seq, state, place, due, wallDue, line, head, sentAt, acquired, failed, released, cancel, history] = row
  const [endedAt, reason, split, content] = row.slice(13)
  const isOver = (state as number) > LEASED
  return {
    is: 'message',
    queue,
    message: toMessage({ split: split as number, bytes: content as Uint8Array }),
    state: STATE_NAMES[state as number] as MessagePiece['state'],
    sentAt: sentAt as number,
    readyAt:
      state === DELAYED ? ((due ?? wallDue) as number) : state === READY || state === LEASED ? (place as number) : null,
    wallDue: wallDue !== null,
    leaseUntil: state === LEASED ? (due as number) : null,
    endedAt: endedAt as number | null,
    line: line === null ? null : line === STRICT_LINE ? 'strict' : 'key',
    rank: head === 1 ? 0 : (ranks.get(seq as number) ?? null),
    acquired: acquired as number,
    failed: failed as number,
    released: released as number,
    failures:
      history === 0
        ? []
        : statements
            .of(FAILURES_OF)
            .all(seq!)
            .map(([failure]) => JSON.parse(failure as string) as StoredFailure),
    cancelRequested: cancel === 1,
    reason: isOver ? (reason as string | null) : null,
  }
}

function toMessage(content: Content): MessagePiece['message'] {
  return { ...attributesOf(content), body: Uint8Array.from(content.bytes.subarray(content.split)) }
}

function* piecesOfTopic(statements: Statements, row: Row): Generator<Piece, void, undefined> {
  const [id, name, retention, version] = row as readonly [number, string, string | null, number]
  if (version > 0) yield { is: 'topic', name, retention: JSON.parse(retention ?? 'null') as Retention | null, version }
  for (const [position, at, split, bytes] of paged(statements, EVENTS, (last) => [id, last?.[0] ?? 0])) {
    const message = toMessage({ split: split as number, bytes: bytes as Uint8Array })
    yield { is: 'event', topic: name, position: position as number, at: at as number, message }
  }
}

function* records(statements: Statements): Generator<Piece, void, undefined> {
  for (const [key, value, version, expiresAt] of paged(statements, RECORDS, (last) => [last?.[0] ?? '']))
    yield {
      is: 'record',
      key: key as string,
      value: value as Uint8Array,
      version: version as number,
      expiresAt: expiresAt as number | null,
      aliases: statements
        .of(ALIASES_OF)
        .all(key!)
        .map(([alias]) => alias as string),
    }
}

function* remembered(statements: Statements, now: number): Generator<Piece, void, undefined> {
  for (const [scoped, text, id, until] of paged(statements, DEDUPES, (last) => [last?.[0] ?? '', last?.[1] ?? ''])) {
    const [scope, name] = (scoped as string).split(' ') as ['queue' | 'topic', string]
    if ((until as number) > now)
      yield { is: 'dedupe', scope, name, text: text as string, id: id as string, until: until as number }
  }
  for (const [id, results, until] of paged(statements, COMMITS, (last) => [last?.[0] ?? '']))
    if ((until as number) > now)
      yield {
        is: 'commit',
        id: id as string,
        until: until as number,
        results: JSON.parse(results as string) as readonly ChangeResult[],
      }
}

function* paged(
  statements: Statements,
  sql: string,
  after: (last: Row | undefined) => readonly (string | number | null | Uint8Array)[],
): Generator<Row, void, undefined> {
  for (let page = statements.of(sql).all(...after(undefined)); page.length > 0;) {
    yield* page
    page = page.length < PAGE ? [] : statements.of(sql).all(...after(page.at(-1)))
  }
}
