/** Writes a message's content: see content.ts. What the message before had as well is not made anew. */
import type { EventAttributes, Message, When } from '../../../core/message.ts'
import { parseUuid, words } from '../../../core/uuid.ts'
import type { FrameWriter } from '../log/frame-writer.ts'
import {
  EVENT_TAGS,
  LONG_TEXT,
  LONGEST_HEAD,
  MESSAGE_TAG,
  NO_HEAD,
  PREFIX_BYTES,
  SAME_ID,
  TAG,
  TIME,
  type Head,
} from './content-tag.ts'

export class ContentWriter {
  #head: Head = NO_HEAD
  /** What was sent in one moment has one time: the last, and its bytes with the tag. */
  #time: string | null = null
  #timeBytes = new Uint8Array(0)

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
      if (value === undefined) continue
      if (name === 'time' && typeof value === 'string') this.#writeTime(out, value)
      else writeAttribute(out, name, value)
    }
    writeOwn(out, message)
    const bodyAt = out.need(1 + body.byteLength)
    out.view.setUint8(bodyAt, TAG.body)
    out.bytes.set(body, bodyAt + 1)
  }

  #headOf(event: EventAttributes): Head {
    const { source, type, datacontenttype, dataschema } = event
    const last = this.#head
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
    return (this.#head = { source, type, datacontenttype, dataschema, bytes })
  }

  #writeTime(out: FrameWriter, time: string): void {
    if (time === this.#time) {
      const at = out.need(this.#timeBytes.byteLength)
      out.bytes.set(this.#timeBytes, at)
      return
    }
    const from = out.need(0) - out.frameAt
    writeTagged(out, TIME, time)
    this.#time = time
    this.#timeBytes = new Uint8Array(out.bytes.subarray(from + out.frameAt, out.at))
  }
}

function isInHead(head: Head, name: string): boolean {
  return (
    head !== NO_HEAD && (name === 'source' || name === 'type' || name === 'datacontenttype' || name === 'dataschema')
  )
}

function writeOwn(out: FrameWriter, message: Message): void {
  // Each by its name: to look for a field by one name of several costs more than to write it.
  if (message.key !== undefined) writeTagged(out, MESSAGE_TAG.key, message.key)
  if (message.group !== undefined) writeTagged(out, MESSAGE_TAG.group, message.group)
  if (message.dedupe !== undefined) writeTagged(out, MESSAGE_TAG.dedupe, message.dedupe)
  if (message.replyTo !== undefined) writeTagged(out, MESSAGE_TAG.replyTo, message.replyTo)
  if (message.report !== undefined) writeTagged(out, MESSAGE_TAG.report, message.report)
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
