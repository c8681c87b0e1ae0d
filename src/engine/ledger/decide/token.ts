/** Tokens: the era in which the message was handed out, its slot, and the slot's count of hand-outs. Together they are never used again. */
import type { Token } from '../../../core/engine.ts'
import { LEASED } from '../entries.ts'
import { CHUNK_MASK, type Slots } from '../state/slots.ts'

/** Of the largest count, 2^32 − 1. */
const DIGITS = 7
const ZERO = 48
const A = 97

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
  const slot = parse(token, first + 1, second)
  if (!(slot >= 1 && slot <= slots.high)) return 0
  const chunk = slots.of(slot)
  const row = slot & CHUNK_MASK
  const isHeld =
    chunk.state[row] === LEASED &&
    chunk.handout[row] === parse(token, second + 1, token.length) &&
    chunk.next[row] === parse(token, 0, first)
  return isHeld ? slot : 0
}

/** A number in base 36 exactly as `toToken` writes it; −1 where it is anything else. */
function parse(text: string, from: number, to: number): number {
  const length = to - from
  if (length < 1 || length > DIGITS || (length > 1 && text.charCodeAt(from) === ZERO)) return -1
  let number = 0
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    const digit = code >= ZERO && code < ZERO + 10 ? code - ZERO : code >= A && code < A + 26 ? code - A + 10 : -1
    if (digit < 0) return -1
    number = number * 36 + digit
  }
  return number
}
