/** Pieces of another engine as what a unit of work would have written, in the transaction that is under way. */
import { toJsonBytes } from '../../../core/json.ts'
import { HIGHEST_PRIORITY } from '../../../core/message.ts'
import {
  defaultSettings,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type QueueSettings,
} from '../../../core/settings.ts'
import type { EventPiece, MessagePiece, Piece, SubscriptionPiece } from '../../../core/transfer.ts'
import { toAttributes } from '../row/attributes.ts'
import type { Answer } from '../connection/driver.ts'
import {
  LEASED,
  READY,
  STATES,
  toColumn,
  DEAD,
  DELAYED,
  type Queue,
  type Record,
  type Row,
  type Topic,
} from '../row/row.ts'
import { writesOf, type Write, type Written } from '../unit/flush.ts'
import { toQueue, toTopic } from '../unit/read-row.ts'
import { BoundSubscriptions } from '../unit/subscriptions.ts'
import { Undo } from '../unit/undo.ts'
import { NO_TALLY } from '../unit/unit-of-work.ts'

type Ask = (name: string, values?: readonly unknown[]) => Promise<Answer>

/** Numbers that one draw reserves; as the sequence says. */
const BLOCK = 4096

/** For one batch. */
export class TakeIn {
  readonly #ask: Ask
  readonly #queues = new Map<string, Queue>()
  readonly #rows = new Map<string, Row>()
  readonly #records = new Map<string, Record>()
  readonly #topics = new Map<string, Topic>()
  readonly #dedupes: Written['dedupes'] = new Map()
  readonly #remembered: Written['remembered'] = new Map()
  #serial = 0
  #serialEnd = 0

  constructor(ask: Ask) {
    this.#ask = ask
  }

  async all(pieces: readonly Piece[]): Promise<readonly Write[]> {
    for (const piece of pieces) await this.#take(piece)
    const written: Written = {
      replaced: [],
      rows: this.#rows,
      queuesByNumber: new Map([...this.#queues.values()].map((queue) => [queue.number, queue])),
      records: this.#records,
      dedupes: this.#dedupes,
      freshDedupes: new Set(this.#dedupes.keys()),
      remembered: this.#remembered,
      freshRemembered: new Set(this.#remembered.keys()),
      topics: this.#topics,
      goneBounds: [],
      seated: [],
      unseated: [],
    }
    return writesOf(written, await this.#nextSerial())
  }

  async #take(piece: Piece): Promise<void> {
    switch (piece.is) {
      case 'head':
        // Also the order in which messages died is a number, and here it is when they did.
        return void (await this.#ask('transfer-serial', [Math.max(piece.highest, Math.ceil(piece.now))]))
      case 'queue': {
        const { name, settings, version, unbound: isUnbound } = piece
        Object.assign(await this.#queue(name, settings), { settings, isUnbound })
        return this.#noteSettings(settingsKey(name), settings, version)
      }
      case 'message':
        return this.#takeMessage(piece)
      case 'topic': {
        const { name, retention, version } = piece
        Object.assign(await this.#topic(name), { retention, houseAt: 0, isDirty: true })
        return this.#noteSettings(topicKey(name), retention, version)
      }
      case 'event':
        return this.#takeEvent(piece)
      case 'record': {
        const { is: _, expiresAt: expires, ...record } = piece
        const marks = { isThere: true, isStored: true, isDirty: true }
        return void this.#records.set(record.key, { ...record, expires, ...marks })
      }
      case 'dedupe': {
        const [scope, text] = [`${piece.scope} ${piece.name}`, toColumn(piece.text)]
        const { until, id } = piece
        return void this.#dedupes.set(`${scope} ${text}`, { scope, text, until, id, isStored: false })
      }
      case 'commit': {
        const results = JSON.stringify({ results: piece.results })
        return void this.#remembered.set(toColumn(piece.id), { until: piece.until, results, isStored: false })
      }
      case 'subscription':
        return this.#takeSubscription(piece)
    }
  }

  async #takeMessage(piece: MessagePiece): Promise<void> {
    const { message, readyAt, rank, sentAt, endedAt } = piece
    const { body, id, expires } = message
    const queue = await this.#queue(piece.queue)
    const state = STATES.indexOf(piece.state)
    const seq = await this.#nextSerial()
    const isLeased = state === LEASED
    const size = body.byteLength
    if (state < DEAD) queue.tally = { ...queue.tally, living: queue.tally.living + 1, bytes: queue.tally.bytes + size }
    this.#rows.set(`${queue.number} ${id}`, {
      queue,
      id,
      origin: null,
      isGone: false,
      isDirty: true,
      seq,
      state,
      rank: HIGHEST_PRIORITY - message.priority,
      place: state === READY || isLeased ? readyAt : null,
      line: piece.line === null ? null : piece.line === 'strict' ? '' : message.key!,
      lineSeq: state < DEAD ? rank : null,
      lease: isLeased ? await this.#nextSerial() : null,
      holder: null,
      until: piece.leaseUntil,
      due: state === DELAYED ? readyAt : null,
      isWallDue: piece.wallDue,
      expires: expires === undefined ? null : Math.round('at' in expires ? expires.at : sentAt + expires.afterMs),
      isWallExpires: expires !== undefined && 'at' in expires,
      acquired: piece.acquired,
      failed: piece.failed,
      released: piece.released,
      isCancelled: piece.cancelRequested,
      sentAt,
      endedAt,
      turn: endedAt,
      reason: piece.reason,
      failures: piece.failures,
      size,
      report: message.report ?? null,
      attrs: toAttributes(message),
      body,
      shared: null,
    })
  }

  async #takeEvent({ topic: name, position, at, message }: EventPiece): Promise<void> {
    const topic = await this.#topic(name)
    const { body, ...attributes } = message
    topic.fresh = [...topic.fresh, { position, at, attrs: JSON.stringify(attributes), body, shared: null }]
    Object.assign(topic, { events: topic.events + 1, houseAt: 0, isDirty: true })
  }

  async #takeSubscription({ subscription, version, status, cursor, hasGap, gaps }: SubscriptionPiece): Promise<void> {
    const { topic: topicName, name } = subscription
    const queue = await this.#queue(subscriptionQueue(topicName, name))
    Object.assign(queue, { lineBy: subscription.order, isLagging: status !== 'live' })
    const topic = await this.#topic(topicName)
    topic.subscriptions.add({
      topic: topicName,
      name,
      number: await this.#nextSerial(),
      version,
      definition: subscription,
      status,
      cursor: cursor === 0 ? null : cursor,
      hasGap,
      gaps,
      isStored: false,
      isGone: false,
      isDirty: true,
    })
    this.#noteSettings(subscriptionKey(topicName, name), { ...subscription, status, gaps }, version)
  }

  async #queue(name: string, settings: QueueSettings = defaultSettings(name)): Promise<Queue> {
    let queue = this.#queues.get(name)
    if (queue !== undefined) return queue
    const { rows } = await this.#ask('load-queues', [[name], []])
    if (rows[0] !== undefined) queue = toQueue(rows[0])
    else {
      const number = (await this.#ask('draw-queue')).rows[0]!.queue as number
      const columns = { queue: number, name, settings: JSON.stringify(settings), is_unbound: false, line_order: 'key' }
      queue = toQueue({ ...columns, is_lagging: false, used_at: 0, house_at: 0 } as never)
    }
    // When it must be looked at is found out when it is looked at.
    Object.assign(queue, { isDirty: true, houseAt: 0, tally: { ...NO_TALLY } })
    this.#queues.set(name, queue)
    return queue
  }

  async #topic(name: string): Promise<Topic> {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const { rows } = await this.#ask('load-topics', [[name]])
      // What others have is nothing to it: it brings what is not there.
      topic = { ...toTopic(name, rows[0], new BoundSubscriptions(new Undo(), null)), isDirty: true }
      this.#topics.set(name, topic)
    }
    return topic
  }

  #noteSettings(key: string, value: unknown, version: number): void {
    if (version === 0) return
    const marks = { isThere: true, isStored: false, isDirty: true }
    this.#records.set(key, { key, value: toJsonBytes(value), version, expires: null, aliases: [], ...marks })
  }

  async #nextSerial(): Promise<number> {
    if (this.#serial === this.#serialEnd) {
      this.#serial = (await this.#ask('draw')).rows[0]!.serial as number
      this.#serialEnd = this.#serial + BLOCK
    }
    return this.#serial++
  }
}
