/** The secret that signs clients' tokens: made once per engine and kept there, so that every process that serves it agrees on it. */
import type { Engine } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { secretBytes } from '../../core/id.ts'

const RECORD = 'system/server-key'
const BYTES = 32

export async function loadServerKey(engine: Engine): Promise<Uint8Array> {
  const [stored] = await engine.get([RECORD])
  if (stored != null) return stored.value
  const value = secretBytes(BYTES)
  const [result] = await engine.commit([{ changes: [{ do: 'put', key: RECORD, value, ifVersion: null }] }])
  if (result?.status === 'committed') return value
  // Another process was first: its key is the one.
  const [other] = await engine.get([RECORD])
  if (other != null) return other.value
  throw new PosthornError('internal', `the record '${RECORD}' could neither be made nor read`)
}
