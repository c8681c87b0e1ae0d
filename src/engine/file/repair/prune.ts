/**
 * Takes out of a salvaged state what contradicts itself or has lost its content, each by name, and sets right what then stands still: a line of a
 * key whose head is gone. What is left opens.
 */
import { DEAD, DELAYED, FLAG, FREE, HELD, LEASED, READY } from '../../ledger/entries.ts'
import { formatUuid } from '../../../core/uuid.ts'
import { NO_LINE, lineIn } from '../../ledger/state/message-column.ts'
import { RetainedLog } from '../../ledger/state/retained-log.ts'
import { CHUNK_MASK, type Chunk } from '../../ledger/state/slots.ts'
import type { LedgerState } from '../../ledger/state/state.ts'
import type { OldBlocks } from './old-blocks.ts'
import type { Owners } from './owners.ts'
import type { Loss } from './loss.ts'

/** @returns the blocks that are needed */
export function prune(state: LedgerState, blocks: OldBlocks, owners: Owners, loss: Loss): ReadonlySet<number> {
  const needed = new Set<number>()
  dropSubscriptions(state, loss)
  dropMessages(state, { blocks, owners, loss, needed })
  dropRecords(state, { blocks, owners, loss, needed })
  dropEvents(state, { blocks, owners, loss, needed })
  mendLines(state)
  mendCounters(state)
  return needed
}

interface Pruning {
  readonly blocks: OldBlocks
  readonly owners: Owners
  readonly loss: Loss
  readonly needed: Set<number>
}

function dropSubscriptions(state: LedgerState, loss: Loss): void {
  const topics = new Set([...state.topics].map(({ name }) => name))
  for (const { row } of state.subscriptions) {
    const { topic, name } = row.subscription
    if (topics.has(topic) && state.queues.get(row.queue) !== undefined) continue
    loss.subscriptions.push({ topic, name })
    state.subscriptions.delete(row.number)
  }
}

function dropMessages(state: LedgerState, { blocks, owners, loss, needed }: Pruning): void {
  const { slots } = state.messages
  for (let slot = 1; slot <= slots.high; slot++) {
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    if (chunk.state[row] === FREE) continue
    const id = formatUuid(chunk.id0[row]!, chunk.id1[row]!, chunk.id2[row]!, chunk.id3[row]!)
    const queue = state.queues.get(chunk.queue[row]!)
    const why =
      queue === undefined
        ? 'its queue is gone'
        : namesOf(chunk, row).some((name) => name !== 0 && state.names.texts[name] === undefined)
          ? 'its attributes are gone'
          : blocks.idOf(chunk.block[row]!) === id
            ? null
            : 'its content is damaged or gone'
    if (why !== null) {
      // A slot that nothing was ever added to holds no message.
      if (!/^[0-]+$/.test(id)) loss.messages.push({ queue: queue?.name ?? null, id, why })
      state.messages.free(slot)
      continue
    }
    needed.add(chunk.block[row]!)
    keepHistory(slot, chunk, row, { blocks, owners, loss, needed })
  }
}

function namesOf(chunk: Chunk, row: number): readonly number[] {
  return [chunk.key[row]!, chunk.group[row]!, chunk.type[row]!, chunk.report[row]!, chunk.reason?.get(row) ?? 0]
}

/** Failures, and what a report is about: of less weight than the message. */
function keepHistory(slot: number, chunk: Chunk, row: number, { blocks, owners, needed }: Pruning): void {
  const about = chunk.about?.get(row)
  if (about !== undefined) {
    if (owners.isOfSlot(about, slot) && blocks.isReadable(about)) needed.add(about)
    else chunk.about!.delete(row)
  }
  const history = chunk.history
    ?.get(row)
    ?.filter(({ block }) => owners.isOfSlot(block, slot) && blocks.isReadable(block))
  if (history === undefined) return
  chunk.history!.set(row, history)
  for (const { block } of history) needed.add(block)
}

function dropRecords(state: LedgerState, { blocks, owners, loss, needed }: Pruning): void {
  for (const { record, key, block, version } of state.records.rows) {
    if (owners.isOfRecord(block, record, version) && blocks.isReadable(block)) needed.add(block)
    else {
      loss.records.push({ key, why: 'its value is damaged or gone' })
      state.records.rows.delete(record)
    }
  }
}

function dropEvents(state: LedgerState, { blocks, owners, loss, needed }: Pruning): void {
  for (const topic of state.topics) {
    if (topic.log === null) continue
    const kept = new RetainedLog()
    for (const { position, at, block, type } of topic.log.after(0)) {
      if (owners.isOfEvent(block, position) && blocks.isReadable(block) && state.names.texts[type] !== undefined) {
        needed.add(block)
        kept.append(position, at, block, type)
      } else loss.events.push({ topic: topic.name, position: String(position) })
    }
    kept.lastPosition = topic.log.lastPosition
    topic.log = kept
  }
}

/** What was given must not be given again, though what counted it may be gone. */
function mendCounters(state: LedgerState): void {
  for (const { version } of [...state.records.rows, ...state.queues, ...state.topics]) state.sawVersion(version)
  for (const { row } of state.subscriptions) state.sawVersion(row.version)
  for (const { log } of state.topics) state.position = Math.max(state.position, log?.lastPosition ?? 0)
}

/** One head a line, and a head where something waits. */
function mendLines(state: LedgerState): void {
  const { slots } = state.messages
  const lines = new Map<string, number[]>()
  for (let slot = 1; slot <= slots.high; slot++) {
    const chunk = slots.of(slot)
    const row = slot & CHUNK_MASK
    const line = lineIn(chunk.flags[row]!, chunk.key[row]!)
    if (chunk.state[row] === FREE || chunk.state[row]! >= DEAD || line === NO_LINE) continue
    const name = `${chunk.queue[row]!} ${line}`
    lines.set(name, [...(lines.get(name) ?? []), slot])
  }
  for (const line of lines.values()) {
    const inOrder = line.toSorted(
      (one, other) => slots.of(one).seq[one & CHUNK_MASK]! - slots.of(other).seq[other & CHUNK_MASK]!,
    )
    const isHead = (slot: number): boolean => (slots.of(slot).flags[slot & CHUNK_MASK]! & FLAG.head) !== 0
    const [head, ...others] = inOrder.filter(isHead)
    for (const slot of others) stepBack(slots.of(slot), slot & CHUNK_MASK)
    if (head !== undefined) continue
    const turn = (slot: number): number => slots.of(slot).place[slot & CHUNK_MASK]!
    const [first] = inOrder
      .filter((slot) => slots.of(slot).state[slot & CHUNK_MASK] === HELD)
      .toSorted((one, other) => turn(one) - turn(other))
    if (first === undefined) continue
    const [chunk, row] = [slots.of(first), first & CHUNK_MASK]
    chunk.state[row] = READY
    chunk.flags[row]! |= FLAG.head
    chunk.place[row] = chunk.sentAt[row]!
  }
}

/** Two cannot be first: this one waits, before all that have waited so far. */
function stepBack(chunk: Chunk, row: number): void {
  chunk.flags[row]! &= ~FLAG.head
  if (chunk.state[row] === DELAYED) return
  if (chunk.state[row] === LEASED) chunk.due[row] = 0
  chunk.state[row] = HELD
  chunk.place[row] = 0
}
