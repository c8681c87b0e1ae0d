import { deepEqual, equal, notEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { toJsonBytes } from '../../core/json.ts'
import { cloudEventBody, eventBody, stripeBody, type Delivered } from '../profile/body.ts'
import { BodyCache } from './body-cache.ts'

const first: Delivered = {
  id: 'm1',
  event: { id: 'e1', source: '/s', type: 't', datacontenttype: 'application/json' },
  body: toJsonBytes({ n: 1 }),
  payload: 'full',
  sentAt: 1_000,
}

test('a body is made once for all who get the same event in the same form, and for nobody else', () => {
  const cache = new BodyCache()
  const others: Delivered[] = [
    { ...first, body: toJsonBytes({ n: 2 }) },
    { ...first, event: { ...first.event, type: 'u' } },
    { ...first, event: { ...first.event, subject: 'x' } },
    { ...first, event: { ...first.event, time: '2026-01-01T00:00:00Z' } },
    { ...first, sentAt: 2_000 },
    { ...first, payload: 'thin' },
  ]
  const made = cache.make(eventBody, first)
  equal(cache.make(eventBody, { ...first, id: 'm2', event: { ...first.event }, body: first.body.slice() }), made)
  for (const other of others) {
    for (const make of [eventBody, cloudEventBody, stripeBody]) {
      cache.make(make, first)
      const { bytes, contentType } = cache.make(make, other)
      const plain = make(other)
      deepEqual([Buffer.from(bytes), contentType], [Buffer.from(plain.bytes), plain.contentType])
    }
  }
  notEqual(cache.make(stripeBody, first).bytes, cache.make(stripeBody, { ...first, id: 'm2' }).bytes)
})

test('what is kept of bodies is bounded, and what was let go is made again', () => {
  const cache = new BodyCache()
  const large = (n: number): Delivered => ({
    ...first,
    event: { ...first.event, id: `e${n}` },
    body: toJsonBytes('x'.repeat(1 << 20)),
  })
  const made = cache.make(eventBody, large(1))
  equal(cache.make(eventBody, large(1)), made)
  for (let n = 2; n < 6; n++) cache.make(eventBody, large(n))
  notEqual(cache.make(eventBody, large(1)), made)
})
