/** Pieces of another engine, spoken as the effects that would have brought them about here. */
import type { State } from '../../../core/message.ts'
import { DEFAULT_SUBSCRIPTION_QUEUE, defaultSettings, subscriptionQueue } from '../../../core/settings.ts'
import { eraOfCopy, type MessagePiece, type Piece, type SubscriptionPiece } from '../../../core/transfer.ts'
import { systemRandom } from '../../../core/id.ts'
import type { Desk } from '../decide/desk.ts'
import { describe, expireAt, slotOfId } from '../decide/insert.ts'
import { storeFailure } from '../decide/settle.ts'
import {
  ACKED,
  CANCELLED,
  DEAD,
  DELAYED,
  DISCARDED,
  EXPIRED,
  FLAG,
  HELD,
  LEASED,
  READY,
  type MessageRow,
} from '../entries.ts'
import { CHUNK_MASK } from '../state/slots.ts'

const STATES: Readonly<Record<MessagePiece['state'], number>> = {
  ready: READY,
  held: HELD,
  delayed: DELAYED,
  leased: LEASED,
  dead: DEAD,
  acked: ACKED,
  expired: EXPIRED,
  cancelled: CANCELLED,
  discarded: DISCARDED,
}
const OVER: ReadonlySet<State> = new Set(['dead', 'acked', 'expired', 'cancelled', 'discarded'])

export function takeIn(desk: Desk, piece: Piece): void {
  const { effects, state, store } = desk
  switch (piece.is) {
    case 'head':
      return effects.opened(eraOfCopy(state.era, piece.highest, systemRandom()), desk.now)
    case 'queue': {
      const { name, settings, version, unbound } = piece
      return effects.queueSet({ queue: desk.queue(name, settings).number, name, settings, version, unbound })
    }
    case 'message':
      return takeMessage(desk, piece)
    case 'topic': {
      const { name, retention, version } = piece
      return effects.topicSet({ topic: topicOf(desk, name), name, retention, version })
    }
    case 'event': {
      const { topic, position, at, message } = piece
      const type = state.names.intern(message.event.type, effects)
      return effects.retained(topicOf(desk, topic), position, at, store.blocks.addMessage(message), type)
    }
    case 'record': {
      const { key, value, version, expiresAt, aliases } = piece
      const record = state.records.find(key)?.record ?? state.records.rows.next()
      return effects.recordPut({ record, key, block: store.blocks.addBytes(value), version, expiresAt, aliases })
    }
    case 'dedupe': {
      const { is: _, ...row } = piece
      return effects.deduped(row)
    }
    case 'commit': {
      const result = {
        status: 'committed',
        durability: store.durability.at(-1)!,
        replayed: false,
        results: piece.results,
      }
      return effects.remembered(piece.id, piece.until, JSON.stringify(result))
    }
    case 'subscription':
      return takeSubscription(desk, piece)
  }
}

function takeMessage(desk: Desk, piece: MessagePiece): void {
  const { message, state, failures, reason } = piece
  const queue = desk.queue(piece.queue, defaultSettings(piece.queue))
  if (slotOfId(desk, queue, message.id) !== 0)
    throw new RangeError(`message ${message.id} of ${piece.queue} came twice`)
  const isLeased = state === 'leased'
  const row = describe(desk, queue, message, desk.store.blocks.addMessage(message))
  row.sentAt = piece.sentAt
  // A lease counts one, and so does each failure that follows; counts go round.
  row.acquired = isLeased ? piece.acquired - 1 : piece.acquired
  row.failed = (piece.failed - failures.length) >>> 0
  row.released = piece.released
  row.flags = flagsOf(piece)
  row.expires = 0
  const { expires } = message
  if (expires !== undefined)
    expireAt(row, 'at' in expires ? expires.at : piece.sentAt + expires.afterMs, 'at' in expires)
  row.state = isLeased ? READY : STATES[state]
  place(row, piece)
  row.reason = OVER.has(state) ? desk.state.names.intern(reason, desk.effects) : 0
  const { slot } = row
  desk.effects.added(row)
  const { slots } = desk.state.messages
  if (isLeased)
    desk.effects.leased(slot, (slots.of(slot).handout[slot & CHUNK_MASK]! + 1) >>> 0, piece.leaseUntil!, false)
  for (const failure of failures) storeFailure(desk, slot, failure)
}

function place(row: MessageRow, { state, rank, readyAt, endedAt }: MessagePiece): void {
  row.place = state === 'held' ? rank! : state === 'ready' || state === 'leased' ? readyAt! : 0
  row.due = state === 'delayed' ? readyAt! : OVER.has(state) ? endedAt! : 0
}

function flagsOf({ line, rank, state, wallDue, cancelRequested }: MessagePiece): number {
  const order = line === 'strict' ? FLAG.strict : line === null ? FLAG.unlined : 0
  const head = line !== null && rank === 0 && !OVER.has(state) ? FLAG.head : 0
  return order | head | (wallDue ? FLAG.wallDue : 0) | (cancelRequested ? FLAG.cancelRequested : 0)
}

function takeSubscription(desk: Desk, piece: SubscriptionPiece): void {
  const { subscription, version, status, cursor, hasGap, gaps } = piece
  const { topic, name } = subscription
  topicOf(desk, topic)
  const queue = desk.queue(subscriptionQueue(topic, name), DEFAULT_SUBSCRIPTION_QUEUE).number
  const number = desk.state.subscriptions.next()
  desk.effects.subscriptionSet({ number, queue, subscription, version, status, cursor, hasGap })
  desk.effects.subscriptionGaps(number, gaps)
}

function topicOf(desk: Desk, name: string): number {
  const known = desk.state.topicByName.get(name)
  if (known !== undefined) return known.number
  const topic = desk.state.topics.next()
  desk.effects.topicSet({ topic, name, retention: null, version: 0 })
  return topic
}
