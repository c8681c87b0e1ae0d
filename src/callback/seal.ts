/**
 * Secrets at rest. Each record is sealed with a key of its own, made of a master key that is another record: who sees one record alone,
 * whichever, knows no secret. The sealed bytes name the record, so that one cannot stand for another.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { secretBytes } from '../core/id.ts'
import { fromJsonBytes, toJsonBytes } from '../core/json.ts'

export interface Seal {
  seal(record: string, value: unknown): Uint8Array
  /** @throws PosthornError `corrupt` */
  open(record: string, sealed: Uint8Array): unknown
}

const MASTER_KEY = 'system/endpoint-key'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = 1

const CIPHER = 'aes-256-gcm'

export function createSeal(master: Uint8Array): Seal {
  const keyOf = (record: string): Buffer => Buffer.from(hkdfSync('sha256', master, '', `posthorn ${record}`, KEY_BYTES))
  return {
    seal(record, value) {
      const nonce = secretBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, keyOf(record), nonce)
      cipher.setAAD(Buffer.from(record))
      return Buffer.concat(
        [[VERSION], nonce, cipher.update(toJsonBytes(value)), cipher.final(), cipher.getAuthTag()].map((part) =>
          Buffer.from(part),
        ),
      )
    },
    open(record, sealed) {
      try {
        const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
        const decipher = createDecipheriv(CIPHER, keyOf(record), nonce)
        decipher.setAAD(Buffer.from(record))
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
        const text = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES)
        return fromJsonBytes(Buffer.concat([decipher.update(text), decipher.final()]))
      } catch (cause) {
        throw new PosthornError(
          'corrupt',
          `the record '${record}' cannot be opened: it, or the key of this engine, is another`,
          {
            cause,
          },
        )
      }
    },
  }
}

/** The engine's own, made when it is first asked for. */
export async function loadSeal(engine: Pick<Engine, 'get' | 'commit'>): Promise<Seal> {
  const [stored = null] = await engine.get([MASTER_KEY])
  if (stored !== null) return createSeal(stored.value)
  const value = secretBytes(KEY_BYTES)
  const [result] = await engine.commit([{ changes: [{ do: 'put', key: MASTER_KEY, value, ifVersion: null }] }])
  if (result?.status === 'committed') return createSeal(value)
  // Another process was first: its key is the one.
  const [other = null] = await engine.get([MASTER_KEY])
  if (other !== null) return createSeal(other.value)
  throw new PosthornError('internal', `the record '${MASTER_KEY}' could neither be made nor read`)
}
