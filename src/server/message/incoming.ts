/**
 * The events that a request carries: one in structured or binary mode, a batch, or any other body, which then is the data of
 * a new event with the request's content type. Bytes of data are never touched.
 */
import { fromBinary, isBinaryEvent } from '../../core/cloud-event/binary.ts'
import { essenceOf, isJsonType, modeOf } from '../../core/cloud-event/media-type.ts'
import { fromBatch, fromStructured } from '../../core/cloud-event/structured.ts'
import { PosthornError } from '../../core/error.ts'
import type { EventAttributes } from '../../core/message.ts'
import { parseJson } from '../request/body.ts'
import { withTrace } from '../request/trace.ts'
import { mergeDelivery, readHeaders, takeExtensions, type DeliveryAttributes } from './delivery-attribute.ts'

export interface Incoming {
  /** Null where the body is data alone. */
  readonly event: EventAttributes | null
  readonly body: Uint8Array
  /** Of the data; undefined where there is none and where nobody said. */
  readonly contentType: string | undefined
  readonly delivery: DeliveryAttributes
}

export interface IncomingEvents {
  readonly batch: boolean
  readonly items: readonly Incoming[]
}

const LARGEST_BATCH = 1_000
/** Without a suffix it is JSON, as most senders mean it. */
const EVENT_FORMAT = /^application\/cloudevents(-batch)?(\+json)?$/

/** @throws PosthornError `invalid-event`, `invalid-json`, `attribute-conflict`, `payload-too-large` and those of delivery attributes */
export function readEvents(headers: Headers, body: Uint8Array): IncomingEvents {
  const contentType = headers.get('content-type')
  checkFormat(contentType)
  const delivery = readHeaders(headers)
  switch (modeOf(contentType)) {
    case 'batch': {
      const events = fromBatch(body)
      if (events.length > LARGEST_BATCH)
        throw new PosthornError(
          'payload-too-large',
          `the batch has ${events.length} events: at most ${LARGEST_BATCH} are taken`,
          { details: { limit: LARGEST_BATCH } },
        )
      return {
        batch: true,
        items: events.map((each, at) => toIncoming(each.event, each.body, delivery, headers, `events[${at}]`)),
      }
    }
    case 'structured': {
      const { event, body: bytes } = fromStructured(body)
      return { batch: false, items: [toIncoming(event, bytes, delivery, headers, 'event')] }
    }
    case 'binary': {
      if (isBinaryEvent(headers))
        return { batch: false, items: [toIncoming(fromBinary(headers), body, delivery, headers, 'event')] }
      const type = contentType ?? (body.byteLength === 0 ? undefined : 'application/octet-stream')
      checkData(type, body)
      return { batch: false, items: [{ event: null, body, contentType: type, delivery }] }
    }
  }
}

function toIncoming(
  given: EventAttributes,
  body: Uint8Array,
  headers: DeliveryAttributes,
  all: Headers,
  place: string,
): Incoming {
  const { event, delivery } = takeExtensions(given, place)
  checkData(event.datacontenttype, body)
  return {
    event: withTrace(event, all),
    body,
    contentType: event.datacontenttype,
    delivery: mergeDelivery(headers, delivery, place),
  }
}

/** Events in another format than JSON (Avro, Protobuf, XML) would be read as what they are not. */
function checkFormat(contentType: string | null): void {
  const essence = contentType === null ? '' : essenceOf(contentType)
  if (essence.startsWith('application/cloudevents') && !EVENT_FORMAT.test(essence))
    throw new PosthornError(
      'unsupported-media-type',
      `Content-Type is ${JSON.stringify(contentType)}: events come as application/cloudevents+json or application/cloudevents-batch+json`,
    )
}

/** What calls itself JSON and is not would only be found out by whoever is to handle it. */
function checkData(contentType: string | undefined, body: Uint8Array): void {
  if (contentType !== undefined && body.byteLength > 0 && isJsonType(contentType)) parseJson(body)
}
