/** Says every decided effect twice: to the state, which applies it, and to the log, which writes it down. The log first, while a slot is still what it was. */
import type { DedupeRow, Entries, MessageRow, QueueRow, RecordRow, SubscriptionRow, TopicRow } from './entries.ts'
import type { StoredSubscription } from '../../core/settings.ts'

export class Both implements Entries {
  readonly #state: Entries
  readonly #log: Entries

  constructor(state: Entries, log: Entries) {
    this.#state = state
    this.#log = log
  }

  opened(era: number, now: number): void {
    this.#log.opened(era, now)
    this.#state.opened(era, now)
  }

  named(name: number, text: string): void {
    this.#log.named(name, text)
    this.#state.named(name, text)
  }

  queueSet(row: QueueRow): void {
    this.#log.queueSet(row)
    this.#state.queueSet(row)
  }

  queueGone(queue: number): void {
    this.#log.queueGone(queue)
    this.#state.queueGone(queue)
  }

  added(row: MessageRow): void {
    this.#log.added(row)
    this.#state.added(row)
  }

  readied(slot: number, place: number): void {
    this.#log.readied(slot, place)
    this.#state.readied(slot, place)
  }

  held(slot: number, turn: number): void {
    this.#log.held(slot, turn)
    this.#state.held(slot, turn)
  }

  delayed(slot: number, due: number, wall: boolean): void {
    this.#log.delayed(slot, due, wall)
    this.#state.delayed(slot, due, wall)
  }

  leased(slot: number, handout: number, until: number, process: boolean): void {
    this.#log.leased(slot, handout, until, process)
    this.#state.leased(slot, handout, until, process)
  }

  extended(slot: number, until: number): void {
    this.#log.extended(slot, until)
    this.#state.extended(slot, until)
  }

  failed(slot: number, block: number, code: number): void {
    this.#log.failed(slot, block, code)
    this.#state.failed(slot, block, code)
  }

  released(slot: number): void {
    this.#log.released(slot)
    this.#state.released(slot)
  }

  cancelRequested(slot: number): void {
    this.#log.cancelRequested(slot)
    this.#state.cancelRequested(slot)
  }

  buried(slot: number, at: number, reason: number): void {
    this.#log.buried(slot, at, reason)
    this.#state.buried(slot, at, reason)
  }

  redriven(slot: number): void {
    this.#log.redriven(slot)
    this.#state.redriven(slot)
  }

  ended(slot: number, queue: number, state: number, at: number, reason: number, kept: boolean): void {
    this.#log.ended(slot, queue, state, at, reason, kept)
    this.#state.ended(slot, queue, state, at, reason, kept)
  }

  forgotten(slot: number): void {
    this.#log.forgotten(slot)
    this.#state.forgotten(slot)
  }

  recordPut(row: RecordRow): void {
    this.#log.recordPut(row)
    this.#state.recordPut(row)
  }

  recordRemoved(record: number): void {
    this.#log.recordRemoved(record)
    this.#state.recordRemoved(record)
  }

  topicSet(row: TopicRow): void {
    this.#log.topicSet(row)
    this.#state.topicSet(row)
  }

  topicGone(topic: number): void {
    this.#log.topicGone(topic)
    this.#state.topicGone(topic)
  }

  retained(topic: number, position: number, at: number, block: number, type: number): void {
    this.#log.retained(topic, position, at, block, type)
    this.#state.retained(topic, position, at, block, type)
  }

  trimmed(topic: number, position: number): void {
    this.#log.trimmed(topic, position)
    this.#state.trimmed(topic, position)
  }

  subscriptionSet(row: SubscriptionRow): void {
    this.#log.subscriptionSet(row)
    this.#state.subscriptionSet(row)
  }

  subscriptionGaps(number: number, gaps: StoredSubscription['gaps']): void {
    this.#log.subscriptionGaps(number, gaps)
    this.#state.subscriptionGaps(number, gaps)
  }

  subscriptionGone(number: number): void {
    this.#log.subscriptionGone(number)
    this.#state.subscriptionGone(number)
  }

  deduped(row: DedupeRow): void {
    this.#log.deduped(row)
    this.#state.deduped(row)
  }

  remembered(id: string, until: number, results: string): void {
    this.#log.remembered(id, until, results)
    this.#state.remembered(id, until, results)
  }
}
