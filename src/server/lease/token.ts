/**
 * Tokens as clients get them: the engine's, with the message's id and a signature over these, the queue and the principal. Nobody
 * can guess one, and one that somebody else was given, or for another queue, is worth nothing. The key outlives the process, as
 * do the leases of clients.
 */
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { Token } from '../../core/engine.ts'

export interface Holding {
  readonly id: string
  readonly token: Token
  /** When it was handed out, for the measure of how long it was held: wall time, ms. */
  readonly leasedAt: number
}

export interface Tokens {
  readonly wrap: (holding: Holding, queue: string, principal: string) => string
  /** Null for anything that `wrap` did not make for this queue and principal. */
  readonly unwrap: (text: string, queue: string, principal: string) => Holding | null
}

const SIGNATURE_BYTES = 16
const LONGEST = 512

export function createTokens(key: Uint8Array): Tokens {
  const secret = createSecretKey(key)
  const sign = (payload: string, queue: string, principal: string) =>
    createHmac('sha256', secret)
      .update(`token\0${principal}\0${queue}\0${payload}`)
      .digest()
      .subarray(0, SIGNATURE_BYTES)
  return {
    wrap({ id, token, leasedAt }, queue, principal) {
      const payload = `${Math.floor(leasedAt).toString(36)}.${id}.${token}`
      return `${sign(payload, queue, principal).toString('base64url')}.${payload}`
    },
    unwrap(text, queue, principal) {
      if (text.length > LONGEST) return null
      const at = text.indexOf('.')
      const given = Buffer.from(text.slice(0, at), 'base64url')
      const payload = text.slice(at + 1)
      const right = sign(payload, queue, principal)
      if (at < 0 || given.length !== right.length || !timingSafeEqual(given, right)) return null
      const [leasedAt = '', id = '', ...token] = payload.split('.')
      return { id, token: token.join('.'), leasedAt: Number.parseInt(leasedAt, 36) }
    },
  }
}
