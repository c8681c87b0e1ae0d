/**
 * A message's content as bytes: id, what kind of event it is, the attributes that are there, each behind its tag, then the body to the end.
 * What the ledger keeps in its columns (priority, key, …) is here as well, so that a message reads back exactly as it was sent.
 */
import type { EventAttributes, Message } from '../../../core/message.ts'
import { formatUuid } from '../../../core/uuid.ts'
import type { FrameWriter } from '../log/frame-writer.ts'
import { BodyCopies } from './body-copy.ts'
import { areSame, ContentReader, LastText } from './content-reader.ts'
import { EVENT_NAMES, MESSAGE_TAG, NAMED_EVENT, NO_HEAD, SAME_ID, TAG, TIME, type Head } from './content-tag.ts'
import { ContentWriter } from './content-writer.ts'

type Draft = { -readonly [Field in keyof Message]: Message[Field] }
type Attributes = Record<string, string | number | boolean>

export class ContentCodec {
  readonly #writer = new ContentWriter()
  readonly #copies = new BodyCopies()
  readonly #reader = new ContentReader()
  #read: Head = NO_HEAD
  /** What was sent in one moment has one text of it, which is made once. */
  readonly #times = new LastText()

  write(out: FrameWriter, message: Message): void {
    this.#writer.write(out, message)
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

function readField(reader: ContentReader, tag: number, draft: Draft, event: Attributes): void {
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
    case MESSAGE_TAG.key:
      draft.key = reader.text()
      return
    case MESSAGE_TAG.group:
      draft.group = reader.text()
      return
    case MESSAGE_TAG.dedupe:
      draft.dedupe = reader.text()
      return
    case MESSAGE_TAG.replyTo:
      draft.replyTo = reader.text()
      return
    case MESSAGE_TAG.report:
      draft.report = reader.text()
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
