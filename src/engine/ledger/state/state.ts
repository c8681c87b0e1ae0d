/**
 * Everything the ledger knows, changed by decided effects alone. Pure and synchronous: it asks no clock and takes no decision, so that a
 * replay of the same effects gives the same state.
 */
import { settingsKey, type StoredSubscription } from '../../../core/settings.ts'
import { BlockRefs } from './block-refs.ts'
import {
  DEAD,
  HELD,
  type DedupeRow,
  type Entries,
  type MessageRow,
  type QueueRow,
  type RecordRow,
  type SubscriptionRow,
  type TopicRow,
} from '../entries.ts'
import type { HeapPlaces } from './due-heap.ts'
import { MessageTable } from './message-table.ts'
import { NameTable } from './name-table.ts'
import { Numbered } from './numbered.ts'
import { Queue } from './queue.ts'
import { RecordTable } from './record-table.ts'
import { Remembered } from './remembered.ts'
import { CHUNK_MASK } from './slots.ts'
import { TopicTable } from './topic-table.ts'
import type { Subscription, Topic } from './topic.ts'

/** What the engine around the state wants to be told, once it is there. */
export interface StateListener {
  becameReady(queue: Queue): void
  blockFreed(block: number): void
}

/** Each era has versions and positions of its own, as far as whole numbers go. */
const NUMBERS_OF_ERA = 2 ** 32
const ERAS = 2 ** 20

const NOBODY: StateListener = { becameReady: () => {}, blockFreed: () => {} }

export class LedgerState implements Entries {
  /** Openings so far; part of every token. */
  era = 0
  /** Engine time of the last opening. */
  openedAt = 0
  /** The last version, position and turn that were given. */
  version = 0
  position = 0
  turn = 0
  readonly messages: MessageTable
  readonly names: NameTable = new NameTable()
  readonly queues: Numbered<Queue> = new Numbered()
  readonly queueByName: Map<string, Queue> = new Map()
  readonly records: RecordTable = new RecordTable()
  readonly topicTable: TopicTable
  readonly topics: Numbered<Topic>
  readonly topicByName: Map<string, Topic>
  readonly subscriptions: Numbered<Subscription>
  readonly dedupe: Remembered<string> = new Remembered()
  readonly commits: Remembered<string> = new Remembered()
  readonly blocks: BlockRefs = new BlockRefs()
  /** Queues to be looked at again for when they are next due. */
  touched: Queue[] = []
  listener: StateListener = NOBODY
  readonly #places: HeapPlaces

  constructor() {
    const references = {
      retainName: (name: number) => this.names.retain(name),
      releaseName: (name: number) => this.names.release(name),
      retainBlock: (block: number) => this.blocks.retain(block),
      releaseBlock: (block: number) => this.releaseBlock(block),
    }
    this.topicTable = new TopicTable({
      ...references,
      records: this.records,
      isLive: () => this.messages.live,
      queue: (number) => this.queues.get(number),
    })
    this.topics = this.topicTable.topics
    this.topicByName = this.topicTable.byName
    this.subscriptions = this.topicTable.subscriptions
    this.messages = new MessageTable({
      ...references,
      queue: (number) => this.queues.rows[number]!,
      touch: (queue) => this.touch(queue),
      becameReady: (queue) => this.listener.becameReady(queue),
    })
    const { slots } = this.messages
    this.#places = {
      at: (slot) => slots.of(slot).prev[slot & CHUNK_MASK]!,
      move: (slot, at) => {
        slots.of(slot).prev[slot & CHUNK_MASK] = at
      },
    }
  }

  touch(queue: Queue): void {
    if (queue.isTouched) return
    queue.isTouched = true
    this.touched.push(queue)
  }

  releaseBlock(block: number): void {
    if (this.blocks.release(block)) this.listener.blockFreed(block)
  }

  subscription(topic: string, name: string): Subscription | undefined {
    return this.topicByName.get(topic)?.subscriptions.get(name)
  }

  opened(era: number, now: number): void {
    this.era = era
    this.openedAt = now
    // What was given in the era before and lost by a power cut must not be given again.
    const first = (era % ERAS) * NUMBERS_OF_ERA
    this.version = Math.max(this.version, first)
    // 0 is no position, also not the one before the first.
    this.position = Math.max(this.position, first + 1)
  }

  named(name: number, text: string): void {
    this.names.set(name, text)
  }

  queueSet(row: QueueRow): void {
    const known = this.queues.get(row.queue)
    this.sawVersion(row.version)
    if (known === undefined || known.name !== row.name) {
      const queue = new Queue(row, this.messages.slots, this.#places)
      this.queues.set(row.queue, queue)
      this.queueByName.set(row.name, queue)
      this.touch(queue)
    } else {
      known.settings = row.settings
      known.version = row.version
      known.unbound = row.unbound
      this.touch(known)
    }
    if (row.version > 0) this.records.addSettings(settingsKey(row.name))
  }

  queueGone(number: number): void {
    const queue = this.queues.get(number)
    if (queue === undefined) return
    this.queues.delete(number)
    if (this.queueByName.get(queue.name) === queue) this.queueByName.delete(queue.name)
    this.records.removeSettings(settingsKey(queue.name))
  }

  added(row: MessageRow): void {
    this.sawMessage(row.queue, row.seq, row.state, row.place)
    this.messages.add(row)
  }

  /** Numbers that were given are never given again. */
  sawMessage(number: number, seq: number, state: number, place: number): void {
    const queue = this.queues.rows[number]
    if (queue !== undefined && seq >= queue.nextSeq) queue.nextSeq = seq + 1
    if (state === HELD) this.sawTurn(place)
  }

  sawTurn(turn: number): void {
    if (turn > this.turn) this.turn = turn
  }

  sawVersion(version: number): void {
    if (version > this.version) this.version = version
  }

  readied(slot: number, place: number): void {
    this.messages.ready(slot, place)
  }

  held(slot: number, turn: number): void {
    this.sawTurn(turn)
    this.messages.hold(slot, turn)
  }

  delayed(slot: number, due: number, wall: boolean): void {
    this.messages.delay(slot, due, wall)
  }

  leased(slot: number, handout: number, until: number, process: boolean): void {
    this.messages.lease(slot, handout, until, process, this.era)
  }

  extended(slot: number, until: number): void {
    this.messages.extend(slot, until)
  }

  failed(slot: number, block: number, code: number): void {
    this.messages.fail(slot, block, code)
  }

  released(slot: number): void {
    this.messages.release(slot)
  }

  cancelRequested(slot: number): void {
    this.messages.requestCancel(slot)
  }

  buried(slot: number, at: number, reason: number): void {
    this.messages.finish(slot, DEAD, at, reason)
  }

  redriven(slot: number): void {
    this.messages.redrive(slot)
  }

  ended(slot: number, queue: number, state: number, at: number, reason: number, kept: boolean): void {
    this.total(queue, state)
    if (kept) this.messages.finish(slot, state, at, reason)
    else this.messages.free(slot)
  }

  /** Counts an ending in its queue's totals. */
  total(queue: number, state: number): void {
    this.queues.rows[queue]!.totals[state]!++
  }

  forgotten(slot: number): void {
    this.messages.free(slot)
  }

  recordPut(row: RecordRow): void {
    this.sawVersion(row.version)
    if (!this.messages.live) return this.records.rows.set(row.record, row)
    const old = this.records.rows.get(row.record)
    this.blocks.retain(row.block)
    this.records.put(row)
    if (old !== undefined) this.releaseBlock(old.block)
  }

  recordRemoved(record: number): void {
    if (!this.messages.live) return this.records.rows.delete(record)
    const row = this.records.rows.get(record)
    if (row === undefined) return
    this.records.remove(record)
    this.releaseBlock(row.block)
  }

  topicSet(row: TopicRow): void {
    this.sawVersion(row.version)
    this.topicTable.setTopic(row)
  }

  topicGone(topic: number): void {
    this.topicTable.deleteTopic(topic)
  }

  retained(topic: number, position: number, at: number, block: number, type: number): void {
    this.position = Math.max(this.position, position)
    this.topicTable.retain(topic, position, at, block, type)
  }

  trimmed(topic: number, position: number): void {
    this.topicTable.trim(topic, position)
  }

  subscriptionSet(row: SubscriptionRow): void {
    this.sawVersion(row.version)
    this.topicTable.setSubscription(row)
  }

  subscriptionGaps(number: number, gaps: StoredSubscription['gaps']): void {
    this.topicTable.setGaps(number, gaps)
  }

  subscriptionGone(number: number): void {
    this.topicTable.deleteSubscription(number)
  }

  deduped(row: DedupeRow): void {
    this.dedupe.set(dedupeText(row.scope, row.name, row.text), row.id, row.until)
  }

  remembered(id: string, until: number, results: string): void {
    this.commits.set(id, results, until)
  }
}

/** Queues and topics have their own dedupe texts. No name holds a space. */
export function dedupeText(scope: 'queue' | 'topic', name: string, text: string): string {
  return `${scope} ${name} ${text}`
}
