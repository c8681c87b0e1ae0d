import assert from 'node:assert/strict'
import { test } from 'node:test'
import { faultOfMessage, lapses, type Message } from './message.ts'

const good: Message = {
  id: '019a0000-0000-7000-8000-000000000001',
  event: { id: 'e', source: '/s', type: 'order.paid' },
  body: new Uint8Array(3),
  priority: 4,
}
const faultWith = (over: Record<string, unknown>) => faultOfMessage({ ...good, ...over }, 10)

test('a good message has no fault', () => {
  assert.equal(faultOfMessage(good, 10), null)
  assert.equal(
    faultWith({
      key: 'k',
      group: 'g',
      dedupe: 'd',
      delay: { afterMs: 0 },
      expires: { at: 5 },
      replyTo: 'task:x',
      report: 'system:operation',
      notes: { v: '1' },
    }),
    null,
  )
})

test('each bad field is named with its value', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ id: 'x' }, /message\.id is "x"/],
    [{ event: { ...good.event, type: '' } }, /event\.type/],
    [{ event: { ...good.event, source: '' } }, /event\.source/],
    [{ event: { ...good.event, id: '' } }, /event\.id/],
    [{ event: { ...good.event, Upper: 'x' } }, /attribute "Upper"/],
    [{ event: { ...good.event, list: [] } }, /event\.list/],
    [{ event: { ...good.event, big: 'x'.repeat(70_000) } }, /attributes are larger/],
    [{ body: new Uint8Array(11) }, /11 bytes/],
    [{ priority: 10 }, /priority is 10/],
    [{ priority: 1.5 }, /priority is 1.5/],
    [{ key: '' }, /key is ""/],
    [{ dedupe: 'x'.repeat(2000) }, /dedupe is/],
    [{ delay: { afterMs: -1 } }, /delay is/],
    [{ expires: { at: Number.NaN } }, /expires is/],
    [{ report: 'a b' }, /report is "a b"/],
    [{ cost: 0 }, /cost is 0/],
    [{ deadline: Infinity }, /deadline is/],
    [{ notes: { x: 'y'.repeat(5000) } }, /notes/],
  ]
  for (const [over, sentence] of wrong) assert.match(faultWith(over) ?? 'no fault', sentence)
})

test('lapses are hand-outs that nobody answered for', () => {
  const counts = { acquired: 5, failed: 1, released: 1, reason: null }
  assert.equal(lapses({ ...counts, state: 'leased' }), 2)
  assert.equal(lapses({ ...counts, state: 'ready' }), 3)
})
