import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import { mergeDelivery, readHeaders, takeExtensions } from './delivery-attribute.ts'
import { readIdempotencyKey } from './idempotency.ts'
import { readWait } from './prefer.ts'
import { DEFAULT_RESOURCE, readSettings, showSettings } from './queue-settings.ts'
import { Settled } from './settled.ts'
import { createTokens } from './token.ts'
import { withTrace } from './trace.ts'

const headers = (given: Record<string, string>) => new Headers(given)
const event = { id: '1', source: 's', type: 't' }

test('Idempotency-Key: a structured-fields string, or bare', () => {
  const read = (value: string) => readIdempotencyKey(headers({ 'idempotency-key': value }))
  equal(readIdempotencyKey(headers({})), null)
  equal(read('"8e03978e-40d5-43dd-bc93-6894a57f9324"'), '8e03978e-40d5-43dd-bc93-6894a57f9324')
  equal(read('8e03978e'), '8e03978e')
  equal(read('"a \\"b\\" \\\\"'), 'a "b" \\')
  for (const wrong of ['', '""', '"a', 'a"b', '"a"b"', '"\\x"', 'x'.repeat(256)])
    throws(() => read(wrong), { code: 'invalid' }, wrong)
})

const read = (prefer: string) => readWait(headers({ prefer }))

test('Prefer: the first wait counts, at most 60, everything else is ignored', () => {
  equal(read('respond-async, wait=10'), 10)
  equal(read('WAIT = "7"; x=1'), 7)
  equal(read('wait=1, wait=2'), 1)
  equal(read('wait=999999'), 60)
  for (const none of ['', 'respond-async', 'wait', 'wait=x', 'wait=-1', 'waiting=3']) equal(read(none), null, none)
})

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

test('trace context is taken where it is well-formed and the event has none', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  deepEqual(withTrace(event, headers({ traceparent, tracestate: 'a=1' })), { ...event, traceparent, tracestate: 'a=1' })
  deepEqual(withTrace(event, headers({ tracestate: 'a=1' })), event)
  for (const wrong of [
    '00-0-0-0',
    `ff${traceparent.slice(2)}`,
    traceparent.toUpperCase(),
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
  ])
    equal(withTrace(event, headers({ traceparent: wrong })), event, wrong)
})

test('settings come back as they were written', () => {
  deepEqual(readSettings(showSettings(DEFAULT_RESOURCE), DEFAULT_RESOURCE), {
    ...DEFAULT_RESOURCE,
    settings: { ...DEFAULT_RESOURCE.settings, pick: { by: 'priority', agingMs: undefined } },
  })
  const other = readSettings(
    {
      pick: 'priority',
      aging: '90s',
      limit: { messages: null, bytes: 7 },
      keep: { acked: true, dead: '1d' },
      idleExpiry: '2h',
      paused: true,
      maxLapses: 0,
    },
    DEFAULT_RESOURCE,
  )
  deepEqual(readSettings(showSettings(other), DEFAULT_RESOURCE), other)
  deepEqual(readSettings({}, other), other, 'an empty patch changes nothing')
})

test('a token is worth something for its queue, its principal and its key alone', () => {
  const key = new Uint8Array(32).fill(1)
  const tokens = createTokens(key)
  const holding = { id: '01890000-0000-7000-8000-000000000000', token: 'era.7.9', leasedAt: 1_700_000_000_000 }
  const text = tokens.wrap(holding, 'a', 'platform')
  deepEqual(tokens.unwrap(text, 'a', 'platform'), holding)
  equal(tokens.unwrap(text, 'b', 'platform'), null)
  equal(tokens.unwrap(text, 'a', 'app'), null)
  equal(createTokens(new Uint8Array(32).fill(2)).unwrap(text, 'a', 'platform'), null)
  for (const wrong of ['', '.', '..', text.slice(1), text.replace('era', 'erb'), `${text}x`, 'x'.repeat(1_000)])
    equal(tokens.unwrap(wrong, 'a', 'platform'), null, wrong)
})

test('only so many settles are remembered in ten minutes', () => {
  const clock = new ManualClock()
  const settled = new Settled(clock)
  equal(settled.idFor('sig.rest', 'ack'), 'settle:sig:ack')
  for (let at = 1; at < 250_000; at++) settled.idFor('sig.rest', 'ack')
  equal(settled.idFor('sig.rest', 'ack'), undefined)
  clock.advance(600_000)
  equal(settled.idFor('sig.rest', 'ack'), 'settle:sig:ack')
})
