/**
 * Gives the entries of a log to the state again, frame by frame. What a part of a checkpoint already holds, because it was copied after the
 * entry's frame, is skipped for that part: effects like "one more" must happen once.
 */
import type { StoredSubscription } from '../../../core/settings.ts'
import type { DedupeRow, Entries, MessageRow, QueueRow, RecordRow, SubscriptionRow, TopicRow } from '../entries.ts'
import { CHUNK_SHIFT } from '../state/slots.ts'
import type { LedgerState } from '../state/state.ts'

/** Rows of a page, of each table that is copied by pages. */
export const PAGE_ROWS = { queue: 64, name: 1024, record: 256, topic: 64, subscription: 64 } as const
export type PagedTable = keyof typeof PAGE_ROWS

export class Replay implements Entries {
  readonly #state: LedgerState
  /** By part: the last frame of which it holds everything. */
  readonly #loaded = new Map<string, number>()
  readonly #loadedSlots: number[] = []
  #frame = 0

  constructor(state: LedgerState) {
    this.#state = state
  }

  loaded(part: string, frame: number): void {
    this.#loaded.set(part, frame)
    if (part.startsWith('slot/')) this.#loadedSlots[Number(part.slice(5))] = frame
  }

  /** Entries from here on are of this frame. */
  at(frame: number): this {
    this.#frame = frame
    return this
  }

  opened(era: number, now: number): void {
    this.#state.opened(era, now)
  }

  named(name: number, text: string): void {
    if (this.#isNew('name', name)) this.#state.named(name, text)
  }

  queueSet(row: QueueRow): void {
    if (this.#isNew('queue', row.queue)) this.#state.queueSet(row)
  }

  queueGone(queue: number): void {
    if (this.#isNew('queue', queue)) this.#state.queueGone(queue)
  }

  added(row: MessageRow): void {
    this.#state.sawMessage(row.queue, row.seq, row.state, row.place)
    if (this.#isNewSlot(row.slot)) this.#state.messages.add(row)
  }

  readied(slot: number, place: number): void {
    if (this.#isNewSlot(slot)) this.#state.readied(slot, place)
  }

  held(slot: number, turn: number): void {
    this.#state.sawTurn(turn)
    if (this.#isNewSlot(slot)) this.#state.held(slot, turn)
  }

  delayed(slot: number, due: number, wall: boolean): void {
    if (this.#isNewSlot(slot)) this.#state.delayed(slot, due, wall)
  }

  leased(slot: number, handout: number, until: number, process: boolean): void {
    if (this.#isNewSlot(slot)) this.#state.leased(slot, handout, until, process)
  }

  extended(slot: number, until: number): void {
    if (this.#isNewSlot(slot)) this.#state.extended(slot, until)
  }

  failed(slot: number, block: number, code: number): void {
    if (this.#isNewSlot(slot)) this.#state.failed(slot, block, code)
  }

  released(slot: number): void {
    if (this.#isNewSlot(slot)) this.#state.released(slot)
  }

  cancelRequested(slot: number): void {
    if (this.#isNewSlot(slot)) this.#state.cancelRequested(slot)
  }

  buried(slot: number, at: number, reason: number): void {
    if (this.#isNewSlot(slot)) this.#state.buried(slot, at, reason)
  }

  redriven(slot: number): void {
    if (this.#isNewSlot(slot)) this.#state.redriven(slot)
  }

  ended(slot: number, queue: number, state: number, at: number, reason: number, kept: boolean): void {
    if (this.#isNew('queue', queue)) this.#state.total(queue, state)
    if (!this.#isNewSlot(slot)) return
    if (kept) this.#state.messages.finish(slot, state, at, reason)
    else this.#state.messages.free(slot)
  }

  forgotten(slot: number): void {
    if (this.#isNewSlot(slot)) this.#state.forgotten(slot)
  }

  recordPut(row: RecordRow): void {
    this.#state.sawVersion(row.version)
    if (this.#isNew('record', row.record)) this.#state.recordPut(row)
  }

  recordRemoved(record: number): void {
    if (this.#isNew('record', record)) this.#state.recordRemoved(record)
  }

  topicSet(row: TopicRow): void {
    this.#state.sawVersion(row.version)
    if (this.#isNew('topic', row.topic)) this.#state.topicSet(row)
  }

  topicGone(topic: number): void {
    if (this.#isNew('topic', topic)) this.#state.topicGone(topic)
  }

  /** Positions tell what is known already. */
  retained(topic: number, position: number, at: number, block: number, type: number): void {
    this.#state.retained(topic, position, at, block, type)
  }

  trimmed(topic: number, position: number): void {
    this.#state.trimmed(topic, position)
  }

  subscriptionSet(row: SubscriptionRow): void {
    this.#state.sawVersion(row.version)
    if (this.#isNew('subscription', row.number)) this.#state.subscriptionSet(row)
  }

  subscriptionGaps(number: number, gaps: StoredSubscription['gaps']): void {
    if (this.#isNew('subscription', number)) this.#state.subscriptionGaps(number, gaps)
  }

  subscriptionGone(number: number): void {
    if (this.#isNew('subscription', number)) this.#state.subscriptionGone(number)
  }

  /** Remembering twice is remembering once. */
  deduped(row: DedupeRow): void {
    this.#state.deduped(row)
  }

  remembered(id: string, until: number, results: string): void {
    this.#state.remembered(id, until, results)
  }

  #isNew(table: PagedTable, number: number): boolean {
    if (this.#loaded.size === 0) return true
    return this.#frame > (this.#loaded.get(`${table}/${Math.floor(number / PAGE_ROWS[table])}`) ?? 0)
  }

  #isNewSlot(slot: number): boolean {
    return this.#frame > (this.#loadedSlots[slot >>> CHUNK_SHIFT] ?? 0)
  }
}
