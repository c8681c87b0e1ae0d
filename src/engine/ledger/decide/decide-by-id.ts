/** What is done to messages by their ids, without holding them: cancel, redrive, discard. Unknown ids and unfit states do not count. */
import type { ChangeResult } from '../../../core/engine.ts'
import { isUuid } from '../../../core/id.ts'
import type { MessageRef } from '../../../core/message.ts'
import type { Desk } from './desk.ts'
import { end, queueOf } from './ending.ts'
import { CANCELLED, DEAD, DISCARDED, FLAG, FREE, LEASED } from '../entries.ts'
import { slotOfId } from './insert.ts'
import { enterLine } from './place.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { tokenOf } from './token.ts'

export type ById = 'cancel' | 'redrive' | 'discard'

export function decideById(desk: Desk, verb: ById, refs: readonly MessageRef[]): ChangeResult {
  const decide = { cancel, redrive, discard }[verb]
  let count = 0
  for (const slot of slotsOf(desk, refs)) if (decide(desk, slot)) count++
  return { count }
}

/** In order of arrival, so that those that become ready together are placed without searching. */
function slotsOf(desk: Desk, refs: readonly MessageRef[]): number[] {
  const { slots } = desk.state.messages
  const found = new Set<number>()
  for (const ref of refs) {
    const slot = findSlot(desk, ref)
    // What has ended is left out here: its slot may be another message's before its turn comes.
    if (slot !== 0 && slots.of(slot).state[slot & CHUNK_MASK]! <= DEAD) found.add(slot)
  }
  const seq = (slot: number): number => slots.of(slot).seq[slot & CHUNK_MASK]!
  return [...found].sort((one, other) => seq(one) - seq(other))
}

/** 0 where there is no such message. */
export function findSlot(desk: Desk, { queue: name, id }: MessageRef): number {
  const queue = desk.state.queueByName.get(name)
  return queue === undefined || !isUuid(id) ? 0 : slotOfId(desk, queue, id)
}

function cancel(desk: Desk, slot: number): boolean {
  const chunk = desk.state.messages.slots.of(slot)
  const state = chunk.state[slot & CHUNK_MASK]!
  if (state === LEASED) {
    if ((chunk.flags[slot & CHUNK_MASK]! & FLAG.cancelRequested) === 0) {
      desk.dirty()
      desk.effects.cancelRequested(slot)
    }
    desk.notices.cancel(queueOf(desk, slot).name, tokenOf(desk.state.messages.slots, slot))
    return true
  }
  if (state === FREE || state > LEASED) return false
  end(desk, slot, CANCELLED, 'reported')
  return true
}

function redrive(desk: Desk, slot: number): boolean {
  if (desk.state.messages.slots.of(slot).state[slot & CHUNK_MASK] !== DEAD) return false
  queueOf(desk, slot).lastUsedAt = desk.now
  desk.dirty()
  desk.effects.redriven(slot)
  enterLine(desk, slot, desk.now)
  return true
}

function discard(desk: Desk, slot: number): boolean {
  const state = desk.state.messages.slots.of(slot).state[slot & CHUNK_MASK]!
  if (state === FREE || state === LEASED || state > DEAD) return false
  end(desk, slot, DISCARDED, 'reported')
  return true
}
