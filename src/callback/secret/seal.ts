/**
 * Secrets at rest. Each record is sealed with a key of its own, made of a master key: who sees one record alone, whichever, knows no secret.
 * The sealed bytes name the record, so that one cannot stand for another. The master key is given from outside; where none is, it is
 * another record, so that whoever has the whole store can open it.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Change, Engine, Version } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { secretBytes } from '../../core/id.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'

export interface Seal {
  /** By the newest key. */
  seal(record: string, value: unknown): Uint8Array
  /** By whichever of the keys it was sealed. @throws PosthornError `corrupt` */
  open(record: string, sealed: Uint8Array): unknown
  /** Whether the newest key sealed it. */
  isNewest(record: string, sealed: Uint8Array): boolean
}

export interface SealDeps {
  readonly engine: Pick<Engine, 'get' | 'commit'>
  /** From outside, the newest first; none: the engine's own. */
  readonly masterKeys?: readonly Uint8Array[] | undefined
}

const RECORD = 'system/endpoint-key'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
const VERSION = 1

const CIPHER = 'aes-256-gcm'

/** @param masters the newest first */
export function createSeal(masters: readonly Uint8Array[]): Seal {
  const keysOf = (record: string): Buffer[] => masters.map((master) => derive(master, `posthorn ${record}`))
  return {
    seal(record, value) {
      const nonce = secretBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, keysOf(record)[0]!, nonce)
      cipher.setAAD(Buffer.from(record))
      return Buffer.concat(
        [[VERSION], nonce, cipher.update(toJsonBytes(value)), cipher.final(), cipher.getAuthTag()].map((part) =>
          Buffer.from(part),
        ),
      )
    },
    open(record, sealed) {
      for (const key of keysOf(record)) {
        const opened = openWith(key, record, sealed)
        if (opened !== null) return fromJsonBytes(opened)
      }
      throw new PosthornError(
        'corrupt',
        `the record '${record}' cannot be opened: it is damaged, or sealed with a master key that is not given`,
      )
    },
    isNewest: (record, sealed) => openWith(keysOf(record)[0]!, record, sealed) !== null,
  }
}

function openWith(key: Buffer, record: string, sealed: Uint8Array): Buffer | null {
  // With fewer bytes the tag would be a shorter one, which can be guessed.
  if (sealed[0] !== VERSION || sealed.byteLength < 1 + NONCE_BYTES + TAG_BYTES) return null
  try {
    const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(record))
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES)), decipher.final()])
  } catch {
    return null
  }
}

const derive = (master: Uint8Array, purpose: string): Buffer =>
  Buffer.from(hkdfSync('sha256', master, '', purpose, KEY_BYTES))

/** What is stored where the key is not: which one it is, so that a wrong one is told from damage. */
const markOf = (master: Uint8Array): Uint8Array =>
  toJsonBytes({ outside: derive(master, 'posthorn fingerprint').toString('hex').slice(0, 32) })

/** @throws PosthornError `master-key` where the one that sealed is not given */
export async function loadSeal({ engine, masterKeys = [] }: SealDeps): Promise<Seal> {
  const [stored = null] = await engine.get([RECORD])
  if (stored !== null) return createSeal(mastersFor(stored.value, masterKeys))
  const [newest] = masterKeys
  const value = newest === undefined ? secretBytes(KEY_BYTES) : markOf(newest)
  const [result] = await engine.commit([{ changes: [{ do: 'put', key: RECORD, value, ifVersion: null }] }])
  if (result?.status === 'committed') return createSeal(mastersFor(value, masterKeys))
  // Another process was first: its key is the one.
  const [other = null] = await engine.get([RECORD])
  if (other !== null) return createSeal(mastersFor(other.value, masterKeys))
  throw new PosthornError('internal', `the record '${RECORD}' could neither be made nor read`)
}

/** Where nothing was ever sealed there is nothing to be wrong. @throws PosthornError `master-key` */
export async function checkMasterKeys({ engine, masterKeys = [] }: SealDeps): Promise<void> {
  const [stored = null] = await engine.get([RECORD])
  if (stored !== null) mastersFor(stored.value, masterKeys)
}

/** Says which key seals from now on; null where it says so already. */
export async function markNewest({ engine, masterKeys = [] }: SealDeps): Promise<Change | null> {
  const [newest] = masterKeys
  const [stored = null] = newest === undefined ? [] : await engine.get([RECORD])
  if (newest === undefined || stored === null || isMark(stored.value, newest)) return null
  const ifVersion: Version = stored.version
  return { do: 'put', key: RECORD, value: markOf(newest), ifVersion }
}

const isMark = (stored: Uint8Array, master: Uint8Array): boolean => Buffer.compare(stored, markOf(master)) === 0

function mastersFor(stored: Uint8Array, given: readonly Uint8Array[]): readonly Uint8Array[] {
  // Its own: what it sealed before one was given from outside is opened with it.
  if (stored.byteLength === KEY_BYTES) return [...given, stored]
  if (given.some((master) => isMark(stored, master))) return given
  throw new PosthornError(
    'master-key',
    given.length === 0
      ? "endpoints' secrets are sealed with a master key from outside, and none is given: the option masterKey of open(), POSTHORN_MASTER_KEY, or POSTHORN_MASTER_KEY_FILE gives it"
      : "endpoints' secrets are sealed with another master key than the one that is given: during a rotation give both, the new one first",
  )
}
