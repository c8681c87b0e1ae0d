/** Tokens: the opening that handed the message out, the message, and the opening's count of hand-outs. Together they are never used again. */
import type { Token } from '../../../core/engine.ts'
import type { Desk } from '../desk.ts'
import { LEASED, type Standing } from '../state/message.ts'

export function toToken(owner: number, seq: number, handout: number): Token {
  return `${owner.toString(36)}.${seq.toString(36)}.${handout.toString(36)}`
}

/** The message that the token holds; undefined where it holds none: stale, or no token at all. */
export function heldBy(desk: Desk, token: Token): Standing | undefined {
  const first = token.indexOf('.')
  const second = token.indexOf('.', first + 1)
  if (first < 1 || second < 0) return undefined
  const seq = Number.parseInt(token.slice(first + 1, second), 36)
  if (!Number.isSafeInteger(seq)) return undefined
  const message = desk.message(seq)
  if (message === undefined || message.state !== LEASED) return undefined
  // Lapses are swept in bounded steps, so one may be left.
  if (message.due! <= desk.now) return undefined
  return toToken(message.owner, seq, message.handout) === token ? message : undefined
}
