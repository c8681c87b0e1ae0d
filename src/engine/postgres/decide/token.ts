/** Tokens: the number of the hand-out, which is never drawn twice, and the message that was handed out. */
import type { Token } from '../../../core/engine.ts'

const TOKEN = /^[0-9a-z]{1,11}\.[0-9a-z]{1,7}\.[0-9a-f]{32}$/
const HIGHEST_QUEUE = 2 ** 31 - 1

export interface Held {
  readonly lease: number
  readonly queue: number
  readonly id: string
}

export function toToken({ lease, queue, id }: Held): Token {
  return `${lease.toString(36)}.${queue.toString(36)}.${id.replaceAll('-', '')}`
}

/** Tokens of one hand-out and one queue. */
export class TokenMint {
  readonly #prefix: string

  constructor(lease: number, queue: number) {
    this.#prefix = `${lease.toString(36)}.${queue.toString(36)}.`
  }

  /** @param id as the server writes it */
  token(id: string): Token {
    return `${this.#prefix}${id.slice(0, 8)}${id.slice(9, 13)}${id.slice(14, 18)}${id.slice(19, 23)}${id.slice(24)}`
  }
}

/** null where the text is no token. */
export function parseToken(token: unknown): Held | null {
  if (typeof token !== 'string' || !TOKEN.test(token)) return null
  const [lease = '', queue = '', hex = ''] = token.split('.')
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  const held = { lease: Number.parseInt(lease, 36), queue: Number.parseInt(queue, 36), id }
  // One way of writing each: no zero in front.
  const isCanonical = (lease[0] !== '0' || lease === '0') && (queue[0] !== '0' || queue === '0')
  const isSound = isCanonical && Number.isSafeInteger(held.lease) && held.queue <= HIGHEST_QUEUE
  return isSound ? held : null
}

const DIGITS = /^[0-9a-f]{32}$/

/**
 * Reads tokens of which many were handed out together: what is before the message is the same for all of them, and read once. The ids are 32 digits,
 * without hyphens.
 */
export class TokenReader {
  #prefix = ''
  #lease = 0
  #queue = 0

  /** null where the text is no token. */
  read(token: unknown): Held | null {
    if (typeof token !== 'string') return null
    const at = token.length - 32
    if (at !== this.#prefix.length || !token.startsWith(this.#prefix) || at <= 0) return this.#readAll(token, at)
    const id = token.slice(at)
    return DIGITS.test(id) ? { lease: this.#lease, queue: this.#queue, id } : null
  }

  #readAll(token: string, at: number): Held | null {
    const held = parseToken(token)
    if (held === null) return null
    this.#prefix = token.slice(0, at)
    this.#lease = held.lease
    this.#queue = held.queue
    return { ...held, id: token.slice(at) }
  }
}
