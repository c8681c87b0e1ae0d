/**
 * A message's content as bytes: id, what kind of event it is, the attributes that are there, each behind its tag, then the body to the end.
 * What the ledger keeps in its columns (priority, key, …) is here as well, so that a message reads back exactly as it was sent.
 */
import type { EventAttributes, Message, When } from '../../../core/message.ts'
import { formatUuid, parseUuid, words } from '../../../core/uuid.ts'
import type { FrameWriter } from '../log/frame-writer.ts'
import { BodyCopies } from './body-copy.ts'
import { areSame, ContentReader, LastText } from './content-reader.ts'

const TAG = {
  body: 0,
  text: 1,
  number: 2,
  boolean: 3,
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
const TIME = NAMED_EVENT + EVENT_NAMES.indexOf('time')
const EVENT_TAGS: ReadonlyMap<string, number> = new Map(EVENT_NAMES.map((name, index) => [name, NAMED_EVENT + index]))

/** In the byte of the priority: the event's id is the message's. */
const SAME_ID = 0x80
/** Id, priority, length of the head. */
const PREFIX_BYTES = 19
/** A text shorter than this has one byte of length, any other four more. */
const LONG_TEXT = 0xff
/** A head longer than this is not written as one: its attributes stand among the others. */
const LONGEST_HEAD = 0xffff

type Draft = { -readonly [Field in keyof Message]: Message[Field] }
type Attributes = Record<string, string | number | boolean>

/**
 * The attributes that messages of one kind have in common, as texts and as bytes. One after the other is mostly of the same kind, so the
 * last head is kept, and its texts are shared by those who read them.
 */
interface Head {
  readonly source: string
  readonly type: string
  readonly datacontenttype: string | undefined
  readonly dataschema: string | undefined
  readonly bytes: Buffer
}

const NO_HEAD: Head = {
  source: '',
  type: '',
  datacontenttype: undefined,
  dataschema: undefined,
  bytes: Buffer.alloc(0),
}

export class ContentCodec {
  readonly #copies = new BodyCopies()
  readonly #reader = new ContentReader()
  #written: Head = NO_HEAD
  #read: Head = NO_HEAD
  /** What was sent in one moment has one text of it, which is made once. */
  readonly #times = new LastText()

  write(out: FrameWriter, message: Message): void {
    const { id, event, body } = message
    const head = this.#headOf(event)
    const headBytes = head.bytes.byteLength
    parseUuid(id)
    const at = out.need(PREFIX_BYTES + headBytes)
    const { view } = out
    view.setUint32(at, words[0]!, true)
    view.setUint32(at + 4, words[1]!, true)
    view.setUint32(at + 8, words[2]!, true)
    view.setUint32(at + 12, words[3]!, true)
    view.setUint8(at + 16, event.id === id ? message.priority | SAME_ID : message.priority)
    view.setUint16(at + 17, headBytes, true)
    out.bytes.set(head.bytes, at + PREFIX_BYTES)
    for (const name in event) {
      if (isInHead(head, name) || (name === 'id' && event.id === id)) continue
      const value = event[name]
      if (value !== undefined) writeAttribute(out, name, value)
    }
    writeOwn(out, message)
    const bodyAt = out.need(1 + body.byteLength)
    out.view.setUint8(bodyAt, TAG.body)
    out.bytes.set(body, bodyAt + 1)
  }

  /** @throws RangeError or SyntaxError where the bytes make no sense. The body is a copy. */
  read(bytes: Buffer, from: number, end: number): Message {
    const reader = this.#reader
    reader.begin(bytes, from, end)
    const id = formatUuid(reader.uint32(), reader.uint32(), reader.uint32(), reader.uint32())
    const kind = reader.uint8()
    const head = this.#headAt(bytes, reader)
    let tag = reader.uint8()
    let event: Attributes
    if (tag === TIME && (kind & SAME_ID) !== 0 && head.datacontenttype !== undefined && head.dataschema === undefined) {
      // What nearly every message has, as one literal: an object that grows by one attribute at a time costs several times as much.
      const { source, type, datacontenttype } = head
      event = { id, source, type, time: reader.textLike(this.#times), datacontenttype }
      tag = reader.uint8()
    } else event = begunEvent(id, kind, head)
    const draft: Draft = { id, event: event as EventAttributes, body: NO_BODY, priority: kind & ~SAME_ID }
    for (; tag !== TAG.body; tag = reader.uint8()) readField(reader, tag, draft, event)
    // A view would keep a whole arena in memory for as long as somebody holds the message.
    draft.body = this.#copies.copy(bytes, reader.at, end)
    return draft
  }

  #headOf(event: EventAttributes): Head {
    const { source, type, datacontenttype, dataschema } = event
    const last = this.#written
    if (
      last.source === source &&
      last.type === type &&
      last.datacontenttype === datacontenttype &&
      last.dataschema === dataschema
    )
      return last
    // What is not a text is rare, and stands with the other attributes.
    const isPlain =
      (datacontenttype === undefined || typeof datacontenttype === 'string') &&
      (dataschema === undefined || typeof dataschema === 'string')
    const texts = [source, type, ...(isPlain ? [datacontenttype ?? '', dataschema ?? ''] : [])]
    const bytes = Buffer.concat(texts.flatMap((text) => encodeText(text)))
    if (!isPlain || datacontenttype === '' || dataschema === '' || bytes.byteLength > LONGEST_HEAD) return NO_HEAD
    return (this.#written = { source, type, datacontenttype, dataschema, bytes })
  }

  #headAt(bytes: Buffer, reader: ContentReader): Head {
    const length = reader.uint16()
    if (length === 0) return NO_HEAD
    const from = reader.at
    const last = this.#read
    if (last.bytes.byteLength === length && areSame(last.bytes, bytes, reader.skip(length))) return last
    reader.at = from
    const [source, type, datacontenttype, dataschema] = [reader.text(), reader.text(), reader.text(), reader.text()]
    if (reader.at !== from + length) throw new RangeError('the head of a content has another length than it says')
    return (this.#read = {
      source,
      type,
      datacontenttype: datacontenttype === '' ? undefined : datacontenttype,
      dataschema: dataschema === '' ? undefined : dataschema,
      bytes: Buffer.from(bytes.subarray(from, from + length)),
    })
  }
}

const NO_BODY = new Uint8Array(0)

function begunEvent(id: string, kind: number, head: Head): Attributes {
  const event: Attributes = {}
  if ((kind & SAME_ID) !== 0) event['id'] = id
  if (head !== NO_HEAD) {
    event['source'] = head.source
    event['type'] = head.type
    if (head.datacontenttype !== undefined) event['datacontenttype'] = head.datacontenttype
    if (head.dataschema !== undefined) event['dataschema'] = head.dataschema
  }
  return event
}

function isInHead(head: Head, name: string): boolean {
  return (
    head !== NO_HEAD && (name === 'source' || name === 'type' || name === 'datacontenttype' || name === 'dataschema')
  )
}

function writeOwn(out: FrameWriter, message: Message): void {
  for (let index = 0; index < MESSAGE_NAMES.length; index++) {
    const text = message[MESSAGE_NAMES[index]!]
    if (text !== undefined) writeTagged(out, NAMED_MESSAGE + index, text)
  }
  if (message.cost !== undefined) writeNumber(out, TAG.cost, message.cost)
  if (message.deadline !== undefined) writeNumber(out, TAG.deadline, message.deadline)
  if (message.delay !== undefined) writeWhen(out, TAG.delayAfter, TAG.delayAt, message.delay)
  if (message.expires !== undefined) writeWhen(out, TAG.expiresAfter, TAG.expiresAt, message.expires)
  if (message.notes !== undefined) writeTagged(out, TAG.notes, JSON.stringify(message.notes))
}

function writeAttribute(out: FrameWriter, name: string, value: string | number | boolean): void {
  if (typeof value === 'string') {
    const tag = EVENT_TAGS.get(name)
    if (tag !== undefined) return writeTagged(out, tag, value)
    writeTagged(out, TAG.text, name)
    writeShortText(out, value)
  } else if (typeof value === 'number') {
    writeTagged(out, TAG.number, name)
    const at = out.need(8)
    out.view.setFloat64(at, value, true)
  } else {
    writeTagged(out, TAG.boolean, name)
    const at = out.need(1)
    out.view.setUint8(at, value ? 1 : 0)
  }
}

function writeTagged(out: FrameWriter, tag: number, text: string): void {
  const at = out.need(1)
  out.view.setUint8(at, tag)
  writeShortText(out, text)
}

/** Length, then UTF-8. */
function writeShortText(out: FrameWriter, text: string): void {
  const isShort = text.length * 3 < LONG_TEXT
  const at = out.need(5 + text.length * 3)
  const from = at + (isShort ? 1 : 5)
  const bytes = out.bytes.write(text, from)
  out.view.setUint8(at, isShort ? bytes : LONG_TEXT)
  if (!isShort) out.view.setUint32(at + 1, bytes, true)
  out.at = from + bytes
}

function encodeText(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const length = Buffer.alloc(bytes.byteLength < LONG_TEXT ? 1 : 5, LONG_TEXT)
  if (bytes.byteLength < LONG_TEXT) length[0] = bytes.byteLength
  else length.writeUInt32LE(bytes.byteLength, 1)
  return [length, bytes]
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

function readField(reader: ContentReader, tag: number, draft: Draft, event: Attributes): void {
  if (tag >= NAMED_MESSAGE && tag < NAMED_MESSAGE + MESSAGE_NAMES.length) {
    draft[MESSAGE_NAMES[tag - NAMED_MESSAGE]!] = reader.text()
    return
  }
  if (tag >= NAMED_EVENT && tag < NAMED_EVENT + EVENT_NAMES.length) {
    event[EVENT_NAMES[tag - NAMED_EVENT]!] = reader.text()
    return
  }
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
