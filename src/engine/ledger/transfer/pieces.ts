/** The whole state as pieces, in order. Contents may lie on a disk, so it takes its time; nothing may be decided meanwhile. */
import type { ChangeResult } from '../../../core/engine.ts'
import type { StoredMessage } from '../../../core/message.ts'
import type { MessagePiece, Piece } from '../../../core/transfer.ts'
import type { Desk } from '../decide/desk.ts'
import { DELAYED, FLAG, HELD, LEASED, READY, ARRIVED } from '../entries.ts'
import { viewOrName } from '../read/view.ts'
import { NO_LINE } from '../state/message-column.ts'
import { STRICT_LINE } from '../state/key-line.ts'
import type { Queue } from '../state/queue.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import type { Topic } from '../state/topic.ts'

const bytewise = (one: { readonly name: string }, other: { readonly name: string }): number =>
  one.name < other.name ? -1 : 1

export async function* piecesOf(desk: Desk, at: number): AsyncGenerator<Piece, void, undefined> {
  const { state } = desk
  yield { is: 'head', now: desk.now, highest: Math.max(state.version, state.position) }
  for (const queue of [...state.queues].sort(bytewise)) yield* piecesOfQueue(desk, queue)
  for (const topic of [...state.topics].sort(bytewise)) yield* piecesOfTopic(desk, topic)
  yield* records(desk)
  yield* remembered(desk, at)
  yield* subscriptions(desk)
}

async function* piecesOfQueue(desk: Desk, queue: Queue): AsyncGenerator<Piece, void, undefined> {
  const { name, settings, version, unbound } = queue
  yield { is: 'queue', name, settings, version, unbound }
  const ranks = ranksOf(desk, queue)
  for (let slot = queue.arrivals.head; slot !== 0; slot = queue.arrivals.later(slot)) {
    const view = viewOrName(desk, slot)
    yield messageOf(desk, slot, ranks.get(slot) ?? null, view instanceof Promise ? await view : view)
  }
}

/** How far behind the head of its line each message stands that is held. */
function ranksOf(desk: Desk, queue: Queue): ReadonlyMap<number, number> {
  const { messages } = desk.state
  const ranks = new Map<number, number>()
  if (queue.counts[HELD] === 0) return ranks
  const held: { readonly slot: number; readonly turn: number; readonly line: number }[] = []
  for (let slot = queue.arrivals.head; slot !== 0; slot = queue.arrivals.later(slot)) {
    const chunk = messages.slots.of(slot)
    const row = slot & CHUNK_MASK
    if (chunk.state[row] === HELD) held.push({ slot, turn: chunk.place[row]!, line: messages.lineOf(slot) })
  }
  const behind = new Map<number, number>()
  for (const { slot, line } of held.sort((one, other) => one.turn - other.turn)) {
    const rank = (behind.get(line) ?? 0) + 1
    behind.set(line, rank)
    ranks.set(slot, rank)
  }
  return ranks
}

function messageOf(desk: Desk, slot: number, rank: number | null, stored: StoredMessage): MessagePiece {
  const { messages } = desk.state
  const chunk = messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const flags = chunk.flags[row]!
  const state = chunk.state[row]!
  const line = messages.lineOf(slot)
  return {
    is: 'message',
    queue: stored.queue,
    message: stored.message,
    state: stored.state === 'arrived' ? 'ready' : stored.state,
    sentAt: stored.sentAt,
    readyAt: stored.readyAt,
    wallDue: state === DELAYED && (flags & FLAG.wallDue) !== 0,
    leaseUntil: stored.leaseUntil,
    endedAt: stored.endedAt,
    line: line === NO_LINE ? null : line === STRICT_LINE ? 'strict' : 'key',
    rank: (flags & FLAG.head) !== 0 && [ARRIVED, READY, DELAYED, LEASED].includes(state) ? 0 : rank,
    acquired: stored.acquired,
    failed: stored.failed,
    released: stored.released,
    failures: stored.failures,
    cancelRequested: stored.cancelRequested,
    reason: stored.reason,
  }
}

async function* piecesOfTopic(desk: Desk, topic: Topic): AsyncGenerator<Piece, void, undefined> {
  const { name, retention, version } = topic
  if (version > 0) yield { is: 'topic', name, retention, version }
  for (const { position, at, block } of topic.log?.after(0) ?? []) {
    const content = desk.store.blocks.readMessage(block)
    const message = content instanceof Promise ? await content : content
    yield { is: 'event', topic: name, position, at, message }
  }
}

async function* records(desk: Desk): AsyncGenerator<Piece, void, undefined> {
  const rows = [...desk.state.records.rows].sort((one, other) => (one.key < other.key ? -1 : 1))
  for (const { key, block, version, expiresAt, aliases } of rows) {
    const content = desk.store.blocks.readBytes(block)
    const value = content instanceof Promise ? await content : content
    yield { is: 'record', key, value, version, expiresAt, aliases }
  }
}

function* remembered(desk: Desk, at: number): Generator<Piece, void, undefined> {
  const { dedupe, commits } = desk.state
  for (const { text: all, value: id, until } of dedupe.all(at)) {
    const [scope = '', name = ''] = all.split(' ', 2)
    const text = all.slice(scope.length + name.length + 2)
    yield { is: 'dedupe', scope: scope as 'queue' | 'topic', name, text, id, until }
  }
  for (const { text: id, value, until } of commits.all(at)) {
    const { results } = JSON.parse(value) as { readonly results: readonly ChangeResult[] }
    yield { is: 'commit', id, until, results }
  }
}

function* subscriptions({ state }: Desk): Generator<Piece, void, undefined> {
  const all = [...state.subscriptions].sort((one, other) =>
    `${one.row.subscription.topic} ${one.row.subscription.name}` <
    `${other.row.subscription.topic} ${other.row.subscription.name}`
      ? -1
      : 1,
  )
  for (const { row, gaps } of all) {
    const { subscription, version, status, cursor, hasGap } = row
    yield { is: 'subscription', subscription, version, status, cursor, hasGap, gaps }
  }
}
