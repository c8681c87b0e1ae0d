// Whatever is encoded is decoded, and only that.
import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Message } from '../../../core/message.ts'
import { DEFAULT_QUEUE } from '../../../core/settings.ts'
import { READY, type Entries, type MessageRow } from '../../ledger/entries.ts'
import { ContentCodec } from './content.ts'
import { EntryReader, decodeEntries } from './decode.ts'
import { EntryEncoder } from './encode.ts'
import { HEADER_BYTES } from '../log/frame.ts'
import { FrameWriter } from '../log/frame-writer.ts'
import { FaultDisk } from '../disk/fault-disk.ts'
import { blankSegment } from '../log/segment.ts'

function writer(): FrameWriter {
  const segment = blankSegment(1, new FaultDisk().open('/file', 'create'), 1 << 30)
  return new FrameWriter(() => ({ segment, offset: 0 }), { arenaBytes: 4096, cacheBytes: 1 << 20 })
}

/** Encodes with a few calls, decodes, and gives the calls that came back. */
function through(write: (entries: Entries) => void): unknown[][] {
  const out = writer()
  write(new EntryEncoder(out))
  const calls: unknown[][] = []
  const entries = new Proxy({} as Entries, {
    get:
      (_, name) =>
      (...given: unknown[]) =>
        void calls.push([name, ...given.map(plain)]),
  })
  decodeEntries(new EntryReader(out.bytes, out.frameAt + HEADER_BYTES, out.at), entries, (...block) =>
    calls.push(['block', ...block]),
  )
  return calls
}

/** The decoder uses its rows again: what was given is copied. */
const plain = (value: unknown): unknown => structuredClone(value)
const PLAIN = { noNullPrototype: true } as const
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const byte = fc.integer({ min: 0, max: 255 })
const time = fc.double({ min: 0, max: 1e13, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)
const text = fc.string({ unit: 'grapheme', maxLength: 40 })
const orZero = fc.option(uint32, { nil: 0 })

const row: fc.Arbitrary<MessageRow> = fc.record(
  {
    slot: uint32,
    queue: uint32,
    id0: uint32,
    id1: uint32,
    id2: uint32,
    id3: uint32,
    block: uint32,
    bytes: uint32,
    state: fc.constantFrom(READY, 3, 4, 6, 7),
    flags: byte,
    priority: byte,
    seq: time,
    sentAt: time,
    place: fc.option(time, { nil: 0 }),
    due: fc.option(time, { nil: 0 }),
    expires: fc.option(time, { nil: 0 }),
    key: orZero,
    group: orZero,
    type: uint32,
    report: orZero,
    reason: orZero,
    acquired: orZero,
    failed: orZero,
    released: orZero,
    about: orZero,
  },
  PLAIN,
)

const calls = fc.oneof(
  fc.tuple(fc.constant('added' as const), row),
  fc.tuple(fc.constantFrom('readied', 'held', 'extended', 'trimmed', 'opened'), uint32, time),
  fc.tuple(
    fc.constantFrom(
      'released',
      'cancelRequested',
      'redriven',
      'forgotten',
      'recordRemoved',
      'queueGone',
      'topicGone',
      'subscriptionGone',
    ),
    uint32,
  ),
  fc.tuple(fc.constant('delayed'), uint32, time, fc.boolean()),
  fc.tuple(fc.constant('leased'), uint32, uint32, time, fc.boolean()),
  fc.tuple(fc.constant('failed'), uint32, uint32, uint32),
  fc.tuple(fc.constant('buried'), uint32, time, uint32),
  fc.tuple(fc.constant('ended'), uint32, uint32, byte, time, uint32, fc.boolean()),
  fc.tuple(fc.constant('named'), uint32, text),
  fc.tuple(fc.constant('retained'), uint32, time, time, uint32, uint32),
  fc.tuple(fc.constant('remembered'), text, time, text),
  fc.tuple(
    fc.constant('deduped'),
    fc.record({ scope: fc.constantFrom('queue', 'topic'), name: text, text, id: text, until: time }, PLAIN),
  ),
  fc.tuple(
    fc.constant('recordPut'),
    fc.record(
      {
        record: uint32,
        key: text,
        block: uint32,
        version: time,
        expiresAt: fc.option(time),
        aliases: fc.array(text, { maxLength: 4 }),
      },
      PLAIN,
    ),
  ),
  fc.tuple(
    fc.constant('queueSet'),
    fc.record(
      { queue: uint32, name: text, settings: fc.constant(DEFAULT_QUEUE), version: uint32, unbound: fc.boolean() },
      PLAIN,
    ),
  ),
  fc.tuple(
    fc.constant('subscriptionGaps'),
    uint32,
    fc.array(fc.record({ from: uint32, to: uint32, count: uint32 }, PLAIN)),
  ),
)

test('entries', () => {
  fc.assert(
    fc.property(fc.array(calls, { maxLength: 30 }), (given) => {
      const back = through((entries) => {
        for (const [name, ...values] of given)
          (entries[name as keyof Entries] as (...values: unknown[]) => void)(...values)
      })
      deepEqual(
        back,
        given.map(([name, ...values]) => [name, ...values.map(plain)]),
      )
    }),
  )
})

const when = fc.oneof(fc.record({ afterMs: time }, PLAIN), fc.record({ at: time }, PLAIN))
const attribute = fc.oneof(text, fc.double({ noNaN: true }), fc.boolean())
const message: fc.Arbitrary<Message> = fc.record(
  {
    id: fc.uuid(),
    body: fc.uint8Array({ maxLength: 3000 }),
    priority: fc.integer({ min: 0, max: 9 }),
    event: fc
      .record(
        {
          id: text,
          source: text,
          type: text,
          subject: text,
          // Often that of the message before.
          time: fc.oneof(text, fc.constantFrom('', 'now')),
          datacontenttype: text,
          extra: fc.dictionary(fc.stringMatching(/^[a-z0-9]{1,12}$/), attribute, { maxKeys: 4 }),
        },
        { requiredKeys: ['id', 'source', 'type'], noNullPrototype: true },
      )
      .map(({ extra, ...event }) => ({ ...extra, ...event })),
    key: text,
    group: text,
    dedupe: text,
    replyTo: text,
    report: text,
    cost: time,
    deadline: time,
    delay: when,
    expires: when,
    notes: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
  },
  { requiredKeys: ['id', 'body', 'priority', 'event'], noNullPrototype: true },
)

test('content, also where the id of the event is that of the message, whatever was written before', () => {
  const codec = new ContentCodec()
  fc.assert(
    fc.property(message, fc.boolean(), (given, same) => {
      const sent = same ? { ...given, event: { ...given.event, id: given.id } } : given
      const out = writer()
      out.need(0)
      const from = out.at
      codec.write(out, sent)
      deepEqual(codec.read(out.bytes, from + out.frameAt, out.at), { ...sent, event: { ...sent.event } })
    }),
  )
})

test('bytes that make no sense are refused, not guessed at', () => {
  const read =
    (...bytes: number[]) =>
    () =>
      decodeEntries(new EntryReader(Buffer.from(bytes), 0, bytes.length), {} as Entries, () => {})
  throws(read(200), RangeError)
  throws(read(13, 1, 2), RangeError)
})

test('a frame that outgrows its arena moves whole', () => {
  const out = writer()
  const entries = new EntryEncoder(out)
  entries.named(1, 'a'.repeat(900_000))
  entries.named(2, 'b'.repeat(900_000))
  const texts: string[] = []
  decodeEntries(
    new EntryReader(out.bytes, out.frameAt + HEADER_BYTES, out.at),
    { named: (_: number, name: string) => texts.push(name) } as unknown as Entries,
    () => {},
  )
  deepEqual(
    texts.map((name) => [name[0], name.length]),
    [
      ['a', 900_000],
      ['b', 900_000],
    ],
  )
})
