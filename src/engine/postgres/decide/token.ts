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

/** null where the text is no token. */
export function parseToken(token: unknown): Held | null {
  if (typeof token !== 'string' || !TOKEN.test(token)) return null
  const [lease = '', queue = '', hex = ''] = token.split('.')
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  const held = { lease: Number.parseInt(lease, 36), queue: Number.parseInt(queue, 36), id }
  const isSound = Number.isSafeInteger(held.lease) && held.queue <= HIGHEST_QUEUE && toToken(held) === token
  return isSound ? held : null
}
