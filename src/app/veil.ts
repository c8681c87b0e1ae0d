/**
 * What an app is shown in place of numbers that count everybody's doings: versions, positions, cursors, tokens. The hidden text says
 * nothing, is the same for the same text, and can be read back for this app and purpose alone (AES in counter mode under a nonce made of the
 * text: a synthetic one, as in RFC 5297). And ids that an app chooses itself: inside they are other ids, so that two apps may choose the same.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import { isUuid, timeOfUuid } from '../core/id.ts'
import type { Principal } from './principal.ts'
import { keyFor } from './secret.ts'

export interface Veil {
  /** @param purpose what the text is, like 'etag': hidden for one, it cannot be read back as another */
  hide(purpose: string, text: string): string
  /** Null for what `hide` did not make for this purpose. */
  reveal(purpose: string, hidden: string): string | null
  /** The id inside for one that the app chose: a UUIDv8 with the same time. */
  chosenId(id: string): string
  /** The id as the app knows it. */
  shownId(id: string): string
}

const NONCE_BYTES = 16
const LONGEST = 4_096

/** The platform sees everything as it is. */
export const CLEAR: Veil = {
  hide: (_, text) => text,
  reveal: (_, hidden) => hidden,
  chosenId: (id) => id,
  shownId: (id) => id,
}

export type Veils = (principal: Pick<Principal, 'app' | 'id'>) => Veil

export function createVeils(secret: Uint8Array): Veils {
  const keys: Keys = {
    nonce: keyFor(secret, 'veil nonce'),
    cipher: keyFor(secret, 'veil cipher'),
    ids: keyFor(secret, 'ids'),
  }
  return ({ app, id }) => (app === null ? CLEAR : veilOf(keys, id))
}

interface Keys {
  readonly nonce: KeyObject
  readonly cipher: KeyObject
  readonly ids: KeyObject
}

/** @param of whose: the principal's id */
function veilOf({ nonce: nonceKey, cipher: cipherKey, ids }: Keys, of: string): Veil {
  const nonceOf = (purpose: string, text: string | Buffer): Buffer =>
    createHmac('sha256', nonceKey).update(`${of}\0${purpose}\0`).update(text).digest().subarray(0, NONCE_BYTES)
  return {
    hide(purpose, text) {
      const nonce = nonceOf(purpose, text)
      const cipher = createCipheriv('aes-256-ctr', cipherKey, nonce)
      const hidden = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return `${nonce.toString('base64url')}.${hidden.toString('base64url')}`
    },
    reveal(purpose, hidden) {
      const [first = '', second = ''] = hidden.length > LONGEST ? [] : hidden.split('.')
      const nonce = Buffer.from(first, 'base64url')
      if (nonce.length !== NONCE_BYTES || `${first}.${second}` !== hidden) return null
      const decipher = createDecipheriv('aes-256-ctr', cipherKey, nonce)
      const text = Buffer.concat([decipher.update(second, 'base64url'), decipher.final()])
      return timingSafeEqual(nonceOf(purpose, text), nonce) ? text.toString('utf8') : null
    },
    chosenId: (id) => maskId(ids, of, id, '8'),
    shownId: (id) => (id[14] === '8' ? maskId(ids, of, id, '7') : id),
  }
}

/**
 * The 60 bits of chance after the variant exchanged with those of a mask that only this engine can make, and the version's digit beside: done
 * twice it is the id again. Whoever chooses an id cannot aim at another's, since he does not know what it will be.
 */
function maskId(key: KeyObject, of: string, id: string, version: '7' | '8'): string {
  const open = `${id.slice(0, 14)}.${id.slice(15, 20)}`
  const mask = createHmac('sha256', key).update(`${of}\0${open}`).digest('hex')
  const chance = id.slice(20).replace('-', '')
  let masked = ''
  for (let at = 0; at < chance.length; at++)
    masked += (Number.parseInt(chance[at]!, 16) ^ Number.parseInt(mask[at]!, 16)).toString(16)
  return `${id.slice(0, 14)}${version}${id.slice(15, 20)}${masked.slice(0, 3)}-${masked.slice(3)}`
}

/** Whether an app may choose it: a UUIDv7. */
export const mayChoose = (id: string): boolean => isUuid(id) && timeOfUuid(id) !== null
