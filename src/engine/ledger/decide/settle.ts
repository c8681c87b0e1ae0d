/** What a holder says of the message that it was handed: ack, retry, release, bury, drop. The token has been checked. */
import type { Change } from '../../../core/engine.ts'
import { toJsonBytes } from '../../../core/json.ts'
import { FAILURE_BYTES, type Failure, type StoredFailure, type When } from '../../../core/message.ts'
import type { Desk } from './desk.ts'
import { bury, end, queueOf } from './ending.ts'
import { ACKED, CANCELLED, DISCARDED, EXPIRED, FLAG } from '../entries.ts'
import { enterLine } from './place.ts'
import { CHUNK_MASK } from '../state/slots.ts'
import { heldBy } from './token.ts'

export type Settlement = Extract<Change, { readonly token: string }>

const CODE_CHARACTERS = 200

export function settle(desk: Desk, change: Settlement): void {
  const slot = heldBy(desk.state.messages.slots, change.token)
  queueOf(desk, slot).lastUsedAt = desk.now
  desk.isDirty = true
  switch (change.do) {
    case 'ack':
      return end(desk, slot, ACKED, 'unreported')
    case 'retry':
      recordFailure(desk, slot, change.error, 'at' in change.delay ? change.delay.at - desk.wall : change.delay.afterMs)
      return giveBack(desk, slot, change.delay)
    case 'release':
      desk.effects.released(slot)
      return giveBack(desk, slot, change.delay)
    case 'bury':
      recordFailure(desk, slot, change.error, null)
      return bury(desk, slot, 'unreported', change.error.code.slice(0, CODE_CHARACTERS))
    case 'drop':
      desk.effects.released(slot)
      return end(desk, slot, CANCELLED, 'unreported', cut(change.reason, FAILURE_BYTES))
  }
}

/** A leased message waits again, unless it was cancelled or has expired meanwhile, or its queue is going. */
export function giveBack(desk: Desk, slot: number, delay: When, place: number = desk.now): void {
  const chunk = desk.state.messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  if ((chunk.flags[row]! & FLAG.cancelRequested) !== 0) return end(desk, slot, CANCELLED, 'reported')
  if (hasExpired(desk, slot)) return end(desk, slot, EXPIRED, 'reported')
  if (queueOf(desk, slot).unbound) return end(desk, slot, DISCARDED, 'reported')
  if (desk.isPast(delay)) enterLine(desk, slot, place)
  else desk.effects.delayed(slot, desk.momentOf(delay), 'at' in delay)
}

export function hasExpired(desk: Desk, slot: number): boolean {
  const chunk = desk.state.messages.slots.of(slot)
  const row = slot & CHUNK_MASK
  const expires = chunk.expires?.get(row)
  return expires !== undefined && expires <= ((chunk.flags[row]! & FLAG.wallExpires) !== 0 ? desk.wall : desk.now)
}

function recordFailure(desk: Desk, slot: number, error: Failure, delayMs: number | null): void {
  storeFailure(desk, slot, { ...toFailure(error), at: desk.now, delayMs })
}

export function storeFailure(desk: Desk, slot: number, failure: StoredFailure): void {
  const block = desk.store.blocks.addBytes(toJsonBytes(failure))
  desk.effects.failed(slot, block, desk.state.names.intern(failure.code, desk.effects))
}

/** A failure within its bounds: message and stack have 1 KiB together. */
export function toFailure({ code, message, stack }: Failure): Failure {
  const kept = cut(message, FAILURE_BYTES)
  const left = FAILURE_BYTES - Buffer.byteLength(kept)
  const failure = { code: code.slice(0, CODE_CHARACTERS), message: kept }
  return stack === undefined || left === 0 ? failure : { ...failure, stack: cut(stack, left) }
}

/** The text, cut to so many bytes of UTF-8 between characters. */
function cut(text: string, bytes: number): string {
  if (text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes) return text
  const encoded = Buffer.from(text.slice(0, bytes))
  let length = Math.min(bytes, encoded.length)
  while (length > 0 && length < encoded.length && (encoded[length]! & 0xc0) === 0x80) length--
  return encoded.toString('utf8', 0, length)
}
