/**
 * Events as JSON, one or a batch (JSON event format 1.0.2). Data that is JSON is taken over and written back byte for byte;
 * text goes as a JSON string, everything else as base64.
 */
import { PosthornError } from '../error.ts'
import type { EventAttributes } from '../message.ts'
import { checkAttributes } from './attribute.ts'
import { isJsonType, isTextType } from './media-type.ts'
import { itemSpans, memberSpans } from './span.ts'

export interface EventWithBody {
  readonly event: EventAttributes
  readonly body: Uint8Array
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })
const bomDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const NOTHING = new Uint8Array(0)

/** @throws PosthornError `invalid-json`, `invalid-event` */
export function fromStructured(bytes: Uint8Array): EventWithBody {
  const text = toText(bytes)
  return fromParsed(parse(text), text, 0, 'event')
}

/** @throws PosthornError `invalid-json`, `invalid-event` */
export function fromBatch(bytes: Uint8Array): readonly EventWithBody[] {
  const text = toText(bytes)
  const items = parse(text)
  if (!Array.isArray(items)) throw new PosthornError('invalid-event', 'a batch is a JSON array of events')
  const spans = itemSpans(text)
  return items.map((item, at) => fromParsed(item, text, spans[at]!.start, `events[${at}]`))
}

/** The event as JSON text. `base64`: the data always as `data_base64`, for readers whose JSON parser would change it. */
export function toStructured(event: EventAttributes, body: Uint8Array, form: 'json' | 'base64' = 'json'): string {
  const attributes = JSON.stringify({ specversion: '1.0', ...event })
  const member = body.byteLength === 0 ? '' : `,${dataMember(event.datacontenttype, body, form)}`
  return `${attributes.slice(0, -1)}${member}}`
}

/** The text of the bytes where they are JSON; null where they are not. */
export function jsonText(bytes: Uint8Array): string | null {
  try {
    const text = bomDecoder.decode(bytes)
    JSON.parse(text)
    return text
  } catch {
    return null
  }
}

function dataMember(contentType: string | undefined, body: Uint8Array, form: 'json' | 'base64'): string {
  if (form === 'json') {
    if (isJsonType(contentType)) {
      const text = jsonText(body)
      if (text !== null) return `"data":${text}`
    } else if (isTextType(contentType!)) {
      try {
        return `"data":${JSON.stringify(bomDecoder.decode(body))}`
      } catch {
        // Text in another encoding than UTF-8: only base64 keeps its bytes.
      }
    }
  }
  return `"data_base64":"${Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')}"`
}

function fromParsed(value: unknown, text: string, start: number, place: string): EventWithBody {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PosthornError('invalid-event', `${place} must be a JSON object`)
  const { data, data_base64: base64, ...members } = value as Record<string, unknown>
  const event = checkAttributes(Object.entries(members), place)
  if (base64 !== undefined && base64 !== null) {
    if (data !== undefined) throw invalid(place, 'it has both data and data_base64')
    if (typeof base64 !== 'string' || !BASE64.test(base64)) throw invalid(`${place}.data_base64`, 'it must be base64')
    return { event, body: new Uint8Array(Buffer.from(base64, 'base64')) }
  }
  if (data === undefined) return { event, body: NOTHING }
  if (!isJsonType(event.datacontenttype) && typeof data === 'string') return { event, body: encoder.encode(data) }
  const span = memberSpans(text, start).get('data')!
  return { event, body: encoder.encode(text.slice(span.start, span.end)) }
}

function toText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new PosthornError('invalid-json', 'the body is not UTF-8')
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new PosthornError('invalid-json', `the body is not JSON: ${(error as Error).message}`)
  }
}

function invalid(field: string, right: string): PosthornError {
  return new PosthornError('invalid-event', `${field}: ${right}`, { details: { field } })
}
