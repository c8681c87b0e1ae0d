import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { withTrace } from './trace.ts'

const headers = (given: Record<string, string>) => new Headers(given)
const event = { id: '1', source: 's', type: 't' }

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
