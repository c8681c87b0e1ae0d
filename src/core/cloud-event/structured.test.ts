import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { CloudEvent, HTTP } from 'cloudevents'
import * as fc from 'fast-check'
import { fromBinary, isBinaryEvent, toBinary } from './binary.ts'
import { modeOf } from './media-type.ts'
import { itemSpans, memberSpans } from './span.ts'
import { fromBatch, fromStructured, toStructured } from './structured.ts'
import { seedOfRun } from '../../../test/seed.ts'

const seed = seedOfRun()
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (body: Uint8Array) => new TextDecoder().decode(body)
const event = { id: '1', source: '/test', type: 'a.b' }
const wrap = (members: string) => bytes(`{"specversion":"1.0","id":"1","source":"/test","type":"a.b"${members}}`)

test('the mode is told by the beginning of the content type', () => {
  equal(modeOf('application/cloudevents+json'), 'structured')
  equal(modeOf('Application/CloudEvents-Batch+JSON; charset=utf-8'), 'batch')
  equal(modeOf('application/json'), 'binary')
  equal(modeOf(null), 'binary')
})

test('JSON data is taken over byte for byte', () => {
  const data = '{ "big": 12345678901234567890, "one": 1.0, "2": 0, "1": "\\u00e9", "x": ["]}", {"data": "}"}] }'
  const read = fromStructured(wrap(`, "data" : ${data} , "subject":"s"`))
  equal(text(read.body), data)
  deepEqual(read.event, { ...event, subject: 's' })
  equal(text(fromStructured(bytes(toStructured(read.event, read.body))).body), data)
})

test('of data that is given twice the last counts, whatever its name is escaped as', () => {
  equal(text(fromStructured(wrap(',"data":1,"d\\u0061ta":2')).body), '2')
})

const write = (datacontenttype: string, body: Uint8Array, form?: 'base64') =>
  JSON.parse(toStructured({ ...event, datacontenttype }, body, form)) as Record<string, unknown>

test('text is a JSON string, everything else base64', () => {
  equal(write('text/plain', bytes('a "b" €'))['data'], 'a "b" €')
  equal(write('text/plain', Uint8Array.of(0xe9))['data_base64'], '6Q==')
  equal(write('application/json', bytes('{"a":1}'), 'base64')['data_base64'], 'eyJhIjoxfQ==')
  equal(write('application/json', bytes('no json'))['data_base64'], 'bm8ganNvbg==')
  equal(write('image/png', Uint8Array.of(1, 2))['data_base64'], 'AQI=')
  equal('data' in write('image/png', new Uint8Array(0)), false)
  equal(text(fromStructured(wrap(',"datacontenttype":"text/plain","data":"a \\"b\\""')).body), 'a "b"')
  equal(text(fromStructured(wrap(',"data":"a"')).body), '"a"')
})

test('events that are wrong are refused with the attribute that is', () => {
  const wrong: readonly [string, RegExp][] = [
    ['[]', /event must be/],
    ['{}', /specversion/],
    ['{"specversion":"0.3","id":"1","source":"s","type":"t"}', /specversion/],
    ['{"specversion":"1.0","source":"s","type":"t"}', /event.id: it is missing/],
    ['{"specversion":"1.0","id":"","source":"s","type":"t"}', /event.id/],
    ['{"specversion":"1.0","id":1,"source":"s","type":"t"}', /event.id/],
    ['{"specversion":"1.0","id":"1","source":"s","type":"t","time":"yesterday"}', /event.time/],
    ['{"specversion":"1.0","id":"1","source":"s","type":"t","time":"2026-02-30T00:00:00Z","Upper":"x"}', /event.Upper/],
    ['{"specversion":"1.0","id":"1","source":"s","type":"t","delivery":{}}', /event.delivery/],
    ['{"specversion":"1.0","id":"1","source":"s","type":"t","__proto__":"x"}', /event.__proto__/],
    ['{"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"AA=="}', /both/],
    ['{"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"a"}', /base64/],
  ]
  for (const [given, message] of wrong)
    throws(() => fromStructured(bytes(given)), { code: 'invalid-event', message }, given)
  for (const given of ['', '{', 'nul', '\u00e9{'])
    throws(() => fromStructured(bytes(given)), { code: 'invalid-json' }, given)
  throws(() => fromStructured(Uint8Array.of(0xff)), { code: 'invalid-json' })
  throws(() => fromBatch(bytes('[{"specversion":"1.0"}]')), { code: 'invalid-event', message: /events\[0\]/ })
  throws(() => fromBatch(bytes('{}')), { code: 'invalid-event' })
})

test('null is "not set"', () => {
  deepEqual(fromStructured(wrap(',"subject":null')).event, event)
})

test('a batch keeps the bytes of each event', () => {
  const read = fromBatch(bytes(`[ ${text(wrap(',"data":[1.0]'))} , ${text(wrap(',"data": {"a":"]"}'))} ]`))
  deepEqual(
    read.map(({ body }) => text(body)),
    ['[1.0]', '{"a":"]"}'],
  )
  deepEqual(fromBatch(bytes('[ ]')), [])
})

test('events of the CloudEvents SDK are read, and ours by it, structured and in batches', () => {
  const sdk = new CloudEvent({
    ...event,
    datacontenttype: 'application/json',
    subject: 'Euro € 😀',
    partitionkey: 'k',
    data: { a: [1, 'é'] },
  })
  const structured = HTTP.structured(sdk)
  equal(modeOf(String(structured.headers['content-type'])), 'structured')
  const read = fromStructured(bytes(structured.body as string))
  deepEqual(
    [read.event.subject, read.event['partitionkey'], JSON.parse(text(read.body))],
    ['Euro € 😀', 'k', { a: [1, 'é'] }],
  )

  const back = HTTP.toEvent({
    headers: { 'content-type': 'application/cloudevents+json' },
    body: toStructured(read.event, read.body),
  }) as CloudEvent<unknown>
  deepEqual([back.id, back.subject, back.data], [sdk.id, sdk.subject, sdk.data])

  const batch = `[${toStructured(read.event, read.body)},${toStructured({ ...event, datacontenttype: 'text/plain' }, bytes('x'))}]`
  const events = HTTP.toEvent({
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: batch,
  }) as CloudEvent<unknown>[]
  deepEqual(
    events.map(({ data }) => data),
    [{ a: [1, 'é'] }, 'x'],
  )
  deepEqual(
    fromBatch(bytes(batch)).map(({ event: { id } }) => id),
    ['1', '1'],
  )
})

test('binary mode: attributes as headers, the content type apart', () => {
  const headers = toBinary({ ...event, datacontenttype: 'text/plain', subject: 'Euro € 😀', n: 1, b: true })
  deepEqual(headers, {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/test',
    'ce-type': 'a.b',
    'content-type': 'text/plain',
    'ce-subject': 'Euro%20%E2%82%AC%20%F0%9F%98%80',
    'ce-n': '1',
    'ce-b': 'true',
  })
  deepEqual(fromBinary(Object.entries(headers)), {
    ...event,
    datacontenttype: 'text/plain',
    subject: 'Euro € 😀',
    n: '1',
    b: 'true',
  })
  equal(isBinaryEvent([['Content-Type', 'x']]), false)
  equal(isBinaryEvent([['CE-Id', 'x']]), true)
  throws(() => fromBinary([...Object.entries(headers), ['ce-datacontenttype', 'text/plain']]), {
    code: 'invalid-event',
  })
  throws(() => fromBinary([['ce-id', '1']]), { code: 'invalid-event', message: /specversion/ })
})

test("binary events of ours are read by the CloudEvents SDK, and the SDK's by us", () => {
  const headers = toBinary({ ...event, datacontenttype: 'application/json', subject: 'plain', region: 'eu' })
  const read = HTTP.toEvent({ headers, body: '{"a":1}' }) as CloudEvent<unknown>
  deepEqual(
    [read.id, read.source, read.type, read.subject, read['region'], read.data],
    ['1', '/test', 'a.b', 'plain', 'eu', { a: 1 }],
  )
  const sent = HTTP.binary(
    new CloudEvent({ ...event, subject: 'plain', time: '2026-01-01T00:00:00.000Z', data: { a: 1 } }),
  )
  const { datacontenttype, ...back } = fromBinary(Object.entries(sent.headers) as [string, string][])
  deepEqual(back, { ...event, subject: 'plain', time: '2026-01-01T00:00:00.000Z' })
  equal(datacontenttype?.split(';')[0], 'application/json')
})

test(`spans are where JSON.parse finds the values (seed ${seed})`, () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.array(fc.jsonValue()),
      fc.nat(3),
      (object, list, indent) => {
        const objectText = JSON.stringify(object, null, indent)
        for (const [name, { start, end }] of memberSpans(objectText))
          deepEqual(JSON.parse(objectText.slice(start, end)), (JSON.parse(objectText) as Record<string, unknown>)[name])
        equal(memberSpans(objectText).size, Object.keys(object).length)
        const listText = JSON.stringify(list, null, indent)
        deepEqual(
          itemSpans(listText).map(({ start, end }) => JSON.parse(listText.slice(start, end)) as unknown),
          JSON.parse(listText),
        )
      },
    ),
    { seed },
  )
})
