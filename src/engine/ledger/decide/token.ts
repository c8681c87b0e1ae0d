/** Tokens: the era in which the message was handed out, its slot, and the slot's count of hand-outs. Together they are never used again. */
import type { Token } from '../../../core/engine.ts'
import { LEASED } from '../entries.ts'
import { CHUNK_MASK, type Slots } from '../state/slots.ts'

export function toToken(era: number, slot: number, handout: number): Token {
  return `${era.toString(36)}.${slot.toString(36)}.${handout.toString(36)}`
}

/** The token of a leased slot. */
export function tokenOf(slots: Slots, slot: number): Token {
  const chunk = slots.of(slot)
  return toToken(chunk.next[slot & CHUNK_MASK]!, slot, chunk.handout[slot & CHUNK_MASK]!)
}

/** The slot that the token holds; 0 where it holds none: stale, or no token at all. */
export function heldBy(slots: Slots, token: Token): number {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0) return 0
  const slot = Number.parseInt(token.slice(first + 1, second), 36)
  if (!(slot >= 1 && slot <= slots.high)) return 0
  const chunk = slots.of(slot)
  const row = slot & CHUNK_MASK
  if (chunk.state[row] !== LEASED) return 0
  return toToken(chunk.next[row]!, slot, chunk.handout[row]!) === token ? slot : 0
}
