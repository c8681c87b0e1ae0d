import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { mergeDelivery, readHeaders, takeExtensions } from './delivery-attribute.ts'

const headers = (given: Record<string, string>) => new Headers(given)
const event = { id: '1', source: 's', type: 't' }

test('delivery attributes mean the same as headers and as extensions', () => {
  const said = {
    'posthorn-delay': '5m',
    'posthorn-priority': '9',
    'posthorn-key': 'a%20b',
    'posthorn-group': 'g',
    'posthorn-dedupe': 'd',
    'posthorn-expires': '2026-01-01T00:00:00Z',
  }
  const { event: rest, delivery } = takeExtensions(
    {
      ...event,
      delay: '5m',
      priority: 9,
      partitionkey: 'a b',
      group: 'g',
      dedupe: 'd',
      expirytime: '2026-01-01T00:00:00Z',
      other: 'x',
    },
    'event',
  )
  deepEqual(readHeaders(headers(said)), delivery)
  deepEqual(delivery, {
    delay: { afterMs: 300_000 },
    priority: 9,
    key: 'a b',
    group: 'g',
    dedupe: 'd',
    expires: { at: Date.UTC(2026, 0, 1) },
  })
  deepEqual(rest, { ...event, other: 'x' })
  deepEqual(mergeDelivery(delivery, delivery, 'event'), delivery)
  throws(() => mergeDelivery({ key: 'a' }, { key: 'b' }, 'event'), { code: 'attribute-conflict' })
  throws(() => takeExtensions({ ...event, delay: 5 }, 'event'), { code: 'duration-without-unit' })
  throws(() => takeExtensions({ ...event, notbefore: 5 }, 'events[3]'), {
    code: 'invalid',
    message: /events\[3\]\.notbefore/,
  })
  throws(() => takeExtensions({ ...event, group: true }, 'event'), { code: 'invalid' })
})
