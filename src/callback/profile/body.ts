/**
 * The body of a call, as the platforms shape theirs. An event's data that are JSON are taken over byte for byte: a receiver's
 * signature and its reader see what the publisher wrote. The same event gives the same body at every attempt.
 */
import { toBinary } from '../../core/cloud-event/binary.ts'
import { BATCH_TYPE, STRUCTURED_TYPE, isJsonType, isTextType } from '../../core/cloud-event/media-type.ts'
import { jsonText, toStructured } from '../../core/cloud-event/structured.ts'
import type { EventAttributes } from '../../core/message.ts'

export interface Delivered {
  /** The same at every attempt, and in the header that names it. */
  readonly id: string
  readonly event: EventAttributes
  readonly body: Uint8Array
  /** `thin`: that something happened, and to what; the receiver asks for the rest. */
  readonly payload: 'full' | 'thin'
  /** When it was sent, where the event does not say when it happened: ms since the epoch. */
  readonly sentAt: number
}

export interface MadeBody {
  readonly bytes: Uint8Array | string
  readonly contentType: string
  /** What of it stands there. */
  readonly headers?: Readonly<Record<string, string>> | undefined
}

export type MakeBody = (delivered: Delivered) => MadeBody

const JSON_TYPE = 'application/json'
const BYTES_TYPE = 'application/octet-stream'
const NOTHING = new Uint8Array(0)

/** Standard Webhooks: `{ "type", "timestamp", "data" }`. */
export const eventBody: MakeBody = (delivered) =>
  jsonBody(
    `{"type":${JSON.stringify(delivered.event.type)},"timestamp":${JSON.stringify(timeOf(delivered))},"data":${contentOf(delivered)}}`,
  )

export const cloudEventBody: MakeBody = ({ event, body, payload }) => ({
  bytes: toStructured(event, payload === 'thin' ? NOTHING : body),
  contentType: STRUCTURED_TYPE,
})

/** One event as a batch: JSON arrays are what its receivers take. */
export const cloudEventBatchBody: MakeBody = (delivered) => batchBody([delivered])

export const batchBody = (together: readonly Delivered[]): MadeBody => ({
  bytes: `[${together.map((each) => cloudEventBody(each).bytes).join(',')}]`,
  contentType: BATCH_TYPE,
})

export const cloudEventBinaryBody: MakeBody = ({ event, body, payload }) => {
  const { 'content-type': contentType = BYTES_TYPE, ...headers } = toBinary(event)
  return { bytes: payload === 'thin' ? NOTHING : body, contentType, headers }
}

/** Those that say the same to whoever gets the event in full. */
export const SHARED_BODIES: ReadonlySet<MakeBody> = new Set([eventBody, cloudEventBody])

/** The event's data as they are. */
export const plainBody: MakeBody = (delivered) =>
  delivered.payload === 'thin'
    ? jsonBody(contentOf(delivered))
    : { bytes: delivered.body, contentType: delivered.event.datacontenttype ?? JSON_TYPE }

export const stripeBody: MakeBody = (delivered) =>
  jsonBody(
    `{"id":${JSON.stringify(`evt_${delivered.id.replaceAll('-', '')}`)},"object":"event","created":${secondsOf(delivered)},"type":${JSON.stringify(delivered.event.type)},"data":{"object":${contentOf(delivered)}}}`,
  )

export const slackBody: MakeBody = (delivered) =>
  jsonBody(
    `{"type":"event_callback","event_id":${JSON.stringify(delivered.id)},"event_time":${secondsOf(delivered)},"event":${withType(delivered)}}`,
  )

export const wechatPayBody: MakeBody = (delivered) =>
  jsonBody(
    `{"id":${JSON.stringify(delivered.id)},"create_time":${JSON.stringify(timeOf(delivered))},"resource_type":"encrypt-resource","event_type":${JSON.stringify(delivered.event.type)},"summary":${JSON.stringify(delivered.event.subject ?? delivered.event.type)},"resource":${asObject(contentOf(delivered))}}`,
  )

/** A form: what names the notice, and each member of the data as a field. */
export const alipayBody: MakeBody = (delivered) => {
  const fields = new URLSearchParams({
    notify_id: delivered.id,
    notify_type: delivered.event.type,
    notify_time: timeOf(delivered).slice(0, 19).replace('T', ' '),
  })
  for (const [name, value] of Object.entries(JSON.parse(asObject(contentOf(delivered))) as Record<string, unknown>)) {
    if (!fields.has(name) && name !== 'sign' && name !== 'sign_type' && value !== null)
      fields.set(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  return { bytes: fields.toString(), contentType: 'application/x-www-form-urlencoded; charset=utf-8' }
}

export const feishuBody: MakeBody = (delivered) =>
  jsonBody(
    `{"schema":"2.0","header":{"event_id":${JSON.stringify(delivered.id)},"event_type":${JSON.stringify(delivered.event.type)},"create_time":${JSON.stringify(String(msOf(delivered)))}},"event":${contentOf(delivered)}}`,
  )

export const dingtalkBody: MakeBody = (delivered) =>
  jsonBody(
    `{"EventType":${JSON.stringify(delivered.event.type)},"eventId":${JSON.stringify(delivered.id)},"timeStamp":${msOf(delivered)},"content":${contentOf(delivered)}}`,
  )

const jsonBody = (text: string): MadeBody => ({ bytes: text, contentType: JSON_TYPE })

/** The data as JSON text: text as a string, other bytes as base64, and of a thin payload what leads to the rest. */
function contentOf({ event, body, payload, id }: Delivered): string {
  const { datacontenttype: type, subject, source } = event
  if (payload === 'thin')
    return JSON.stringify({ id, event: event.id, source, ...(subject === undefined ? {} : { subject }) })
  if (body.byteLength === 0) return 'null'
  if (isJsonType(type)) {
    const text = jsonText(body)
    if (text !== null) return text
  }
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return JSON.stringify(type !== undefined && isTextType(type) ? bytes.toString('utf8') : bytes.toString('base64'))
}

function asObject(json: string): string {
  return json.trimStart().startsWith('{') ? json : `{"value":${json}}`
}

function withType(delivered: Delivered): string {
  const content = asObject(contentOf(delivered)).trimStart()
  const type = `"type":${JSON.stringify(delivered.event.type)}`
  // The data's own type, where they have one, comes later and so counts.
  return /^\{\s*\}/.test(content) ? `{${type}}` : `{${type},${content.slice(1)}`
}

function msOf({ event, sentAt }: Delivered): number {
  const ms = event.time === undefined ? Number.NaN : Date.parse(event.time)
  return Math.floor(Number.isNaN(ms) ? sentAt : ms)
}

const timeOf = (delivered: Delivered): string => delivered.event.time ?? new Date(msOf(delivered)).toISOString()
const secondsOf = (delivered: Delivered): number => Math.floor(msOf(delivered) / 1_000)
