/** After a replay: everything that follows from what is stored is made anew, in the order in which it would have come about. */
import { PosthornError } from '../../../core/error.ts'
import { settingsKey, subscriptionKey, topicKey } from '../../../core/settings.ts'
import { DEAD, FREE } from '../entries.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import type { LedgerState } from '../state/state.ts'

/** @throws PosthornError `corrupt` where what is stored contradicts itself */
export function rebuild(state: LedgerState): void {
  state.messages.live = true
  indexTables(state)
  const byQueue = slotsByQueue(state)
  for (const [number, slots] of byQueue) {
    if (state.queues.get(number) === undefined)
      throw corrupt(`message in slot ${slots[0]} is of queue ${number}, which there is not`)
    placeAll(state, slots)
  }
  for (const topic of state.topics) {
    for (const { block, type } of topic.log?.after(0) ?? []) {
      state.blocks.retain(block)
      state.names.retain(type)
    }
  }
  for (const { block } of state.records.rows) state.blocks.retain(block)
  state.names.finish()
}

function indexTables(state: LedgerState): void {
  const settings: string[] = []
  for (const table of [state.queues, state.topics, state.subscriptions]) table.finish()
  state.queueByName.clear()
  for (const queue of state.queues) {
    state.queueByName.set(queue.name, queue)
    if (queue.version > 0) settings.push(settingsKey(queue.name))
  }
  state.topicByName.clear()
  for (const topic of state.topics) {
    state.topicByName.set(topic.name, topic)
    if (topic.version > 0) settings.push(topicKey(topic.name))
  }
  state.records.finish(settings)
  for (const subscription of state.subscriptions) {
    const { topic, name } = subscription.row.subscription
    if (!state.topicByName.has(topic) || state.queues.get(subscription.row.queue) === undefined)
      throw corrupt(`the topic or the queue of ${subscriptionKey(topic, name)} is missing`)
    state.topicTable.indexSubscription(subscription)
  }
}

/**
 * Ascending. Also makes the list of free slots. In typed arrays of the right length: a million numbers on the heap, copied as they become more,
 * have it keep four times the room for what is young, for as long as the process lives.
 */
function slotsByQueue(state: LedgerState): Map<number, Uint32Array> {
  const { slots } = state.messages
  const left = new Map<number, number>()
  for (let slot = slots.high; slot > 0; slot--) {
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    if (chunk.state[row] === FREE) slots.free(slot)
    else left.set(chunk.queue[row]!, (left.get(chunk.queue[row]!) ?? 0) + 1)
  }
  const byQueue = new Map<number, Uint32Array>()
  for (const [queue, count] of left) byQueue.set(queue, new Uint32Array(count))
  for (let slot = slots.high; slot > 0; slot--) {
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    if (chunk.state[row] === FREE) continue
    const queue = chunk.queue[row]!
    const at = left.get(queue)! - 1
    left.set(queue, at)
    byQueue.get(queue)![at] = slot
  }
  return byQueue
}

function placeAll(state: LedgerState, list: Uint32Array): void {
  const { messages } = state
  const { slots } = messages
  const seq = (slot: number): number => slots.of(slot).seq[slot & CHUNK_MASK]!
  sortBy(list, seq)
  for (const slot of list) messages.register(slot)
  // Places of what is ready, turns of what is held, ends of what is over: each kind is in the order of its own.
  const order = (slot: number): number => {
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    return chunk.state[row]! >= DEAD ? chunk.due[row]! : chunk.place[row]!
  }
  sortBy(list, order)
  for (const slot of list) messages.link(slot)
}

function sortBy(list: Uint32Array, rank: (slot: number) => number): void {
  for (let at = 1; at < list.length; at++) {
    if (rank(list[at - 1]!) > rank(list[at]!)) {
      list.sort((one, other) => rank(one) - rank(other))
      return
    }
  }
}

function corrupt(detail: string): PosthornError {
  return new PosthornError('corrupt', `the stored state contradicts itself: ${detail}`)
}
