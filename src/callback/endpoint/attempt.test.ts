import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import { AttemptRing, readAttempts, type Attempt } from './attempt.ts'

const OWNER = { id: 'a', incarnation: '1' }
const delivered: Attempt = {
  id: '2',
  message: 'm',
  event: 'm',
  type: 'order.paid',
  topic: null,
  attempt: 1,
  at: 5,
  durationMs: 1.5,
  sincePublishMs: 2,
  outcome: 'delivered',
  status: 204,
  error: null,
  retryInMs: null,
  answer: '',
}
const failed: Attempt = {
  ...delivered,
  id: '1',
  event: 'e',
  topic: 'orders',
  outcome: 'retry',
  status: null,
  error: 'it took too long',
  retryInMs: 0,
  answer: 'no',
}

/** What is read where these values are kept. */
const readOf = (values: readonly Uint8Array[]): Promise<readonly Attempt[]> => {
  const items = values.map((value, place) => ({ key: `${place}`, version: '', value, aliases: [], expiresAt: null }))
  return readAttempts({ list: async () => ({ items, next: null }) }, OWNER)
}

test('an attempt is read as it was written, and what most do not have is not written', async () => {
  const ring = new AttemptRing(OWNER, 0)
  const values = [delivered, failed].map((attempt) => (ring.put(attempt) as { value: Uint8Array }).value)
  deepEqual(await readOf(values), [delivered, failed])
  deepEqual(Object.keys(fromJsonBytes(values[0]!) as object), [
    'id',
    'message',
    'type',
    'attempt',
    'at',
    'durationMs',
    'sincePublishMs',
    'outcome',
    'status',
  ])
})

test('one that was written with all its fields is read as well', async () => {
  deepEqual(await readOf([toJsonBytes(delivered), toJsonBytes(failed)]), [delivered, failed])
})
