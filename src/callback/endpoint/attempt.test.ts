import { deepEqual, equal } from 'node:assert/strict'
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

test('whatever texts an event and an answer have, they are read as they were', async () => {
  const ring = new AttemptRing(OWNER, 49)
  const texts = ['"', '\\', 'a\n\u0000', '\u2028 \ud800', 'été €😀', 'order.paid', '', 'order.paid']
  const attempts = texts.flatMap((text, n): Attempt[] => [
    { ...delivered, id: `${99 - n}b`, type: text, event: text, answer: text },
    { ...failed, id: `${99 - n}a`, type: text, event: text, error: text, answer: text },
  ])
  const values = attempts.map((attempt) => (ring.put(attempt) as { value: Uint8Array }).value)
  deepEqual(await readOf(values), attempts)
})

test('places go round: each is used again with the same key', () => {
  const ring = new AttemptRing(OWNER, 48)
  const keys = Array.from({ length: 51 }, () => (ring.put(delivered) as { key: string }).key)
  deepEqual([keys[0], keys[1], keys[50]], [keys[0], keys[0]!.replace('d0049', 'd0000'), keys[0]])
  equal(new Set(keys).size, 50)
})

test('one that was written with all its fields is read as well', async () => {
  deepEqual(await readOf([toJsonBytes(delivered), toJsonBytes(failed)]), [delivered, failed])
})
