import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../../core/message.ts'
import { fromAttributes, toAttributes } from './attributes.ts'

const ID = '01997a3c-5f00-7abc-8def-0123456789ab'
const TIME = new Date(0x01997a3c5f00).toISOString()
const EVENT = { id: ID, source: 'posthorn:', type: 'a.b', time: TIME, datacontenttype: 'application/json' }
const BODY = new Uint8Array(3)
const usual: Message = { id: ID, event: EVENT, body: BODY, priority: 4, report: 'ends' }

function back(message: Message): Message {
  return { ...fromAttributes(toAttributes(message), message.id, message.report ?? null), body: BODY }
}

test('a usual message is its type, and comes back whole', () => {
  equal(toAttributes(usual), '{"event":{"type":"a.b"}}')
  deepEqual(back(usual), usual)
  deepEqual(back(usual), usual, 'again, as it was read before')
})

test('whatever differs from the usual comes back as it was', () => {
  const { time: _time, ...timeless } = EVENT
  const { datacontenttype: _type, ...typeless } = EVENT
  const events: readonly Message['event'][] = [
    { ...EVENT, id: 'other' },
    { ...EVENT, source: 'https://shop' },
    { ...EVENT, time: '2026-01-01T00:00:00Z' },
    { ...EVENT, datacontenttype: 'text/plain' },
    { ...EVENT, subject: 's', traceparent: 't', count: 3, flag: false },
    timeless,
    typeless,
    { id: 'other', source: 's', type: 't' },
  ]
  for (const event of events) {
    deepEqual(back({ ...usual, event }), { ...usual, event })
    const random = { ...usual, id: '6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b', event }
    deepEqual(back(random), random)
  }
  const { report: _report, ...silent } = usual
  deepEqual(back(silent), silent)
  const full = {
    ...usual,
    priority: 9,
    key: 'k',
    group: 'g',
    delay: { afterMs: 5 },
    expires: { at: 7 },
    notes: { v: '2' },
  }
  deepEqual(back(full), full)
})

test('what two messages share cannot be changed through one of them', () => {
  const one = back(usual)
  Object.assign(one.event, { type: 'changed' })
  deepEqual(back(usual), usual)
  ok(back({ ...usual, notes: { v: '2' } }).notes !== back({ ...usual, notes: { v: '2' } }).notes)
})

test('texts in the long form are read as well', () => {
  const text = JSON.stringify({ event: { ...EVENT, time: undefined }, priority: 7, report: 'ends' })
  const { time: _, ...event } = EVENT
  deepEqual(fromAttributes(text, ID, 'ends'), { id: ID, event, priority: 7, report: 'ends' })
})
