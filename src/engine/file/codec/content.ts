/**
 * A message's content as bytes: the attributes that are there, each behind its tag, then the body to the end. What the ledger
 * keeps in its columns (priority, key, …) is here as well, so that a message reads back exactly as it was sent.
 */
import type { EventAttributes, Message, When } from '../../../core/message.ts'
import { EntryReader } from './decode.ts'
import { writeText } from './encode.ts'
import type { FrameWriter } from '../log/frame-writer.ts'

const TAG = {
  body: 0,
  text: 1,
  number: 2,
  boolean: 3,
  sameId: 4,
  cost: 5,
  delayAfter: 6,
  delayAt: 7,
  expiresAfter: 8,
  expiresAt: 9,
  deadline: 10,
  notes: 11,
} as const

/** Names that take one byte instead of a text: attributes of the event, then the message's own texts. Only ever added to. */
const EVENT_NAMES = [
  'id',
  'source',
  'type',
  'subject',
  'time',
  'datacontenttype',
  'dataschema',
  'traceparent',
  'tracestate',
  'correlationid',
  'causationid',
] as const
const MESSAGE_NAMES = ['key', 'group', 'dedupe', 'replyTo', 'report'] as const
const NAMED_EVENT = 32
const NAMED_MESSAGE = 128
const EVENT_TAGS: ReadonlyMap<string, number> = new Map(EVENT_NAMES.map((name, index) => [name, NAMED_EVENT + index]))

type Draft = { -readonly [Field in keyof Message]: Message[Field] }

export function writeContent(out: FrameWriter, message: Message): void {
  const { id, event, body } = message
  writeText(out, id)
  writeByte(out, message.priority)
  for (const name in event) {
    const value = event[name]
    if (value === undefined) continue
    if (name === 'id' && value === id) writeByte(out, TAG.sameId)
    else writeAttribute(out, name, value)
  }
  for (let index = 0; index < MESSAGE_NAMES.length; index++) {
    const text = message[MESSAGE_NAMES[index]!]
    if (text !== undefined) writeTagged(out, NAMED_MESSAGE + index, text)
  }
  if (message.cost !== undefined) writeNumber(out, TAG.cost, message.cost)
  if (message.deadline !== undefined) writeNumber(out, TAG.deadline, message.deadline)
  if (message.delay !== undefined) writeWhen(out, TAG.delayAfter, TAG.delayAt, message.delay)
  if (message.expires !== undefined) writeWhen(out, TAG.expiresAfter, TAG.expiresAt, message.expires)
  if (message.notes !== undefined) writeTagged(out, TAG.notes, JSON.stringify(message.notes))
  writeByte(out, TAG.body)
  const at = out.need(body.byteLength)
  out.bytes.set(body, at)
}

/** @throws RangeError or SyntaxError where the bytes make no sense. The body is a copy. */
export function readContent(bytes: Buffer, from: number, end: number): Message {
  const reader = new EntryReader(bytes, from, end)
  const id = reader.text()
  const event: Record<string, string | number | boolean> = {}
  const draft: Draft = { id, event: event as EventAttributes, body: NO_BODY, priority: reader.uint8() }
  for (let tag = reader.uint8(); tag !== TAG.body; tag = reader.uint8()) {
    if (tag === TAG.sameId) event['id'] = id
    else if (tag >= NAMED_MESSAGE) draft[MESSAGE_NAMES[tag - NAMED_MESSAGE]!] = reader.text()
    else if (tag >= NAMED_EVENT) event[EVENT_NAMES[tag - NAMED_EVENT]!] = reader.text()
    else readField(reader, tag, draft, event)
  }
  // A view would keep a whole arena in memory for as long as somebody holds the message.
  draft.body = copyOf(bytes, reader.at, end)
  return draft
}

export function copyOf(bytes: Uint8Array, from: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - from)
  copy.set(bytes.subarray(from, end))
  return copy
}

const NO_BODY = new Uint8Array(0)

function writeAttribute(out: FrameWriter, name: string, value: string | number | boolean): void {
  if (typeof value === 'string') {
    const tag = EVENT_TAGS.get(name)
    if (tag !== undefined) return writeTagged(out, tag, value)
    writeTagged(out, TAG.text, name)
    writeText(out, value)
  } else if (typeof value === 'number') {
    writeTagged(out, TAG.number, name)
    const at = out.need(8)
    out.view.setFloat64(at, value, true)
  } else {
    writeTagged(out, TAG.boolean, name)
    writeByte(out, value ? 1 : 0)
  }
}

function writeByte(out: FrameWriter, value: number): void {
  const at = out.need(1)
  out.view.setUint8(at, value)
}

function writeTagged(out: FrameWriter, tag: number, text: string): void {
  writeByte(out, tag)
  writeText(out, text)
}

function writeNumber(out: FrameWriter, tag: number, value: number): void {
  const at = out.need(9)
  out.view.setUint8(at, tag)
  out.view.setFloat64(at + 1, value, true)
}

function writeWhen(out: FrameWriter, after: number, at: number, when: When): void {
  if ('afterMs' in when) writeNumber(out, after, when.afterMs)
  else writeNumber(out, at, when.at)
}

function readField(
  reader: EntryReader,
  tag: number,
  draft: Draft,
  event: Record<string, string | number | boolean>,
): void {
  switch (tag) {
    case TAG.text:
      event[reader.text()] = reader.text()
      return
    case TAG.number:
      event[reader.text()] = reader.float64()
      return
    case TAG.boolean:
      event[reader.text()] = reader.uint8() === 1
      return
    case TAG.cost:
      draft.cost = reader.float64()
      return
    case TAG.deadline:
      draft.deadline = reader.float64()
      return
    case TAG.delayAfter:
      draft.delay = { afterMs: reader.float64() }
      return
    case TAG.delayAt:
      draft.delay = { at: reader.float64() }
      return
    case TAG.expiresAfter:
      draft.expires = { afterMs: reader.float64() }
      return
    case TAG.expiresAt:
      draft.expires = { at: reader.float64() }
      return
    case TAG.notes:
      draft.notes = JSON.parse(reader.text()) as Record<string, string>
      return
    default:
      throw new RangeError(`no field of a message has the tag ${tag}`)
  }
}
