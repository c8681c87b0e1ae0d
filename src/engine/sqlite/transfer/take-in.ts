/** Pieces of another engine as rows, in the transaction that is under way. */
import { systemRandom } from '../../../core/id.ts'
import {
  defaultSettings,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type QueueSettings,
} from '../../../core/settings.ts'
import {
  eraOfCopy,
  type EventPiece,
  type MessagePiece,
  type Piece,
  type RecordPiece,
  type SubscriptionPiece,
} from '../../../core/transfer.ts'
import { joinContent } from '../wire/content.ts'
import type { Statements } from '../driver/statements.ts'
import {
  DELAYED,
  INLINE_BYTES,
  INSERT_CONTENT,
  INSERT_FAILURE,
  LEASED,
  STATE_NAMES,
  STRICT_LINE,
} from '../state/message.ts'
import { readNumbers, writeNumbers, type Numbers } from '../state/meta.ts'
import { Queue, QUEUE_BY_NAME } from '../state/queue.ts'
import { DELETE_ALIASES, INSERT_ALIAS, PUT_DEDUPE, PUT_RECORD, PUT_REMEMBERED, RECORD } from '../state/record.ts'
import { INSERT_RETAINED, INSERT_SUBSCRIPTION, INSERT_TOPIC, TOPIC_BY_NAME } from '../state/topic.ts'

const INSERT =
  'insert into message (seq, queue, id, state, rank, place, due, wall_due, expires, wall_expires, line, head, bytes, sent_at, owner, handout, process, acquired, failed, released, cancel, history, ended_at, report, reason, split, content) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)'
const SET_TOPIC = 'update topic set retention = ?, version = ?, due = 0 where id = ?'
const KEEP_ONE = 'update topic set kept = kept + 1, due = 0 where id = ?'
const END_BINDING = 'update subscription set has_gap = ?, gaps = ? where id = ?'

/** For one batch. */
export class TakeIn {
  readonly #statements: Statements
  readonly #numbers: Numbers
  readonly #queues = new Map<string, Queue>()

  constructor(statements: Statements) {
    this.#statements = statements
    this.#numbers = readNumbers(statements)!
  }

  all(pieces: readonly Piece[]): void {
    for (const piece of pieces) this.#take(piece)
    for (const queue of this.#queues.values()) {
      // When it must be looked at is found out when it is looked at.
      queue.due = 0
      queue.wallDue = 0
      queue.write(this.#statements)
    }
    this.#numbers.settings++
    writeNumbers(this.#statements, this.#numbers)
  }

  #take(piece: Piece): void {
    const numbers = this.#numbers
    switch (piece.is) {
      case 'head': {
        const { highest } = piece
        numbers.owner = eraOfCopy(numbers.owner, highest, systemRandom())
        numbers.version = Math.max(numbers.version, highest)
        numbers.position = Math.max(numbers.position, highest)
        return
      }
      case 'queue': {
        const { name, settings, version, unbound } = piece
        Object.assign(this.#queue(name, settings), { settings, version, unbound })
        return this.#noteSettings(settingsKey(name), version)
      }
      case 'message':
        return this.#takeMessage(piece)
      case 'topic': {
        const { name, retention, version } = piece
        const kept = retention === null ? null : JSON.stringify(retention)
        this.#statements.of(SET_TOPIC).run(kept, version, this.#topic(name))
        return this.#noteSettings(topicKey(name), version)
      }
      case 'event':
        return this.#takeEvent(piece)
      case 'record':
        return this.#takeRecord(piece)
      case 'dedupe': {
        const { scope, name, text, id, until } = piece
        numbers.dedupes++
        return this.#run(PUT_DEDUPE, `${scope} ${name}`, text, id, until)
      }
      case 'commit':
        numbers.commits++
        return this.#run(PUT_REMEMBERED, piece.id, JSON.stringify(piece.results), piece.until)
      case 'subscription':
        return this.#takeSubscription(piece)
    }
  }

  #takeMessage(piece: MessagePiece): void {
    const { message, failures, readyAt, rank } = piece
    const { body, ...attributes } = message
    const { expires } = message
    const queue = this.#queue(piece.queue)
    const state = STATE_NAMES.indexOf(piece.state)
    const isOver = state > LEASED
    const numbers = this.#numbers
    const seq = ++numbers.seq
    const turn = isOver ? piece.endedAt! : piece.state === 'held' ? rank! : 0
    numbers.turn = Math.max(numbers.turn, Math.ceil(turn))
    const content = joinContent(attributes, body)
    const isLarge = content.bytes.byteLength > INLINE_BYTES
    const line = piece.line === null ? null : piece.line === 'strict' ? STRICT_LINE : message.key!
    const isLeased = state === LEASED
    const due = isLeased ? piece.leaseUntil : state === DELAYED && !piece.wallDue ? readyAt : null
    this.#run(
      INSERT,
      seq,
      queue.id,
      message.id,
      state,
      9 - message.priority,
      piece.state === 'ready' || isLeased ? readyAt : turn,
      due,
      state === DELAYED && piece.wallDue ? readyAt : null,
      expires !== undefined && 'afterMs' in expires ? piece.sentAt + expires.afterMs : null,
      expires !== undefined && 'at' in expires ? expires.at : null,
      line,
      line !== null && rank === 0 && !isOver ? 1 : 0,
      body.byteLength,
      piece.sentAt,
      isLeased ? numbers.owner : 0,
      isLeased ? Math.floor(systemRandom() * 2 ** 32) : 0,
      piece.acquired,
      piece.failed,
      piece.released,
      piece.cancelRequested ? 1 : 0,
      failures.length,
      piece.endedAt,
      message.report ?? null,
      piece.reason,
      content.split,
      isLarge ? null : content.bytes,
    )
    if (isLarge) this.#run(INSERT_CONTENT, seq, content.bytes)
    for (const [at, failure] of failures.entries())
      this.#run(INSERT_FAILURE, seq, at + 1, failure.code, JSON.stringify(failure))
    queue.enter(state, body.byteLength)
  }

  #takeEvent({ topic: name, position, at, message }: EventPiece): void {
    const topic = this.#topic(name)
    const { body, ...attributes } = message
    const { split, bytes } = joinContent(attributes, body)
    this.#run(INSERT_RETAINED, position, topic, at, message.event.type, split, bytes, null)
    this.#run(KEEP_ONE, topic)
  }

  #takeRecord({ key, value, version, expiresAt, aliases }: RecordPiece): void {
    if (this.#statements.of(RECORD).first(key) === undefined) this.#numbers.records++
    else this.#run(DELETE_ALIASES, key)
    this.#run(PUT_RECORD, key, value, version, expiresAt)
    for (const alias of aliases) this.#run(INSERT_ALIAS, alias, key)
  }

  #takeSubscription({ subscription, version, status, cursor, hasGap, gaps }: SubscriptionPiece): void {
    const { topic, name } = subscription
    const queue = this.#queue(subscriptionQueue(topic, name)).id
    const text = JSON.stringify(subscription)
    const [id] = this.#statements
      .of(INSERT_SUBSCRIPTION)
      .first(this.#topic(topic), name, queue, text, version, status, cursor)!
    this.#run(END_BINDING, hasGap ? 1 : 0, JSON.stringify(gaps), id!)
    this.#noteSettings(subscriptionKey(topic, name), version)
  }

  #queue(name: string, settings: QueueSettings = defaultSettings(name)): Queue {
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      const row = this.#statements.of(QUEUE_BY_NAME).first(name)
      queue =
        row === undefined ? Queue.insert(this.#statements, name, settings, this.#numbers.engineAt) : new Queue(row)
      this.#queues.set(name, queue)
    }
    return queue
  }

  #topic(name: string): number {
    return (this.#statements.of(TOPIC_BY_NAME).first(name) ??
      this.#statements.of(INSERT_TOPIC).first(name)!)[0] as number
  }

  #noteSettings(key: string, version: number): void {
    if (version > 0) this.#run(PUT_RECORD, key, null, version, null)
  }

  #run(sql: string, ...values: readonly (string | number | null | Uint8Array)[]): void {
    this.#statements.of(sql).run(...values)
  }
}
