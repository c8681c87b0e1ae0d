/** The secret that apps' keys, ids and cursors are made with: one per engine, kept there, so that every process agrees on it. */
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { secretBytes } from '../core/id.ts'

const RECORD = 'system/app-secret'
const BYTES = 32

export async function loadSecret(engine: Pick<Engine, 'get' | 'commit'>): Promise<Uint8Array> {
  const [stored = null] = await engine.get([RECORD])
  if (stored !== null) return stored.value
  const value = secretBytes(BYTES)
  const [result] = await engine.commit([{ changes: [{ do: 'put', key: RECORD, value, ifVersion: null }] }])
  if (result?.status === 'committed') return value
  // Another process was first: its secret is the one.
  const [other = null] = await engine.get([RECORD])
  if (other !== null) return other.value
  throw new PosthornError(
    result?.code ?? 'internal',
    result?.detail ?? `the record '${RECORD}' could neither be made nor read`,
  )
}

/** A key for one purpose, so that what is made for one is worth nothing for another. */
export function keyFor(secret: Uint8Array, purpose: string): KeyObject {
  return createSecretKey(createHmac('sha256', secret).update(`posthorn ${purpose}`).digest())
}
