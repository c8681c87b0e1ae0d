/**
 * The message of an event that is to be published. Where the topic's contract is known here, the type must be one of its events, the
 * data are validated as by a publish in code and the contract gives key, group and dedupe; the bytes are stored as they came.
 */
import type { Principal } from '../../app/index.ts'
import { PosthornError } from '../../core/error.ts'
import { DEFAULT_PRIORITY, type EventAttributes, type Message } from '../../core/message.ts'
import { eventDefinitionOf } from '../../task/index.ts'
import { sentBy } from '../app/space.ts'
import type { Incoming } from '../message/incoming.ts'
import { checkData, checkSize } from '../message/outgoing.ts'
import { withTrace } from '../request/trace.ts'
import type { ServerDeps } from '../route/call.ts'

export interface EventOptions {
  readonly headers: Headers
  /** Who publishes it. */
  readonly principal: Principal
  /** Of a body that is data alone. */
  readonly type: string | null
  /** Of the event, for messages. */
  readonly place?: string | undefined
}

/** @throws PosthornError `unknown-event`, `invalid-input`, `invalid`, `payload-too-large`, `unsupported-media-type` */
export async function toEvent(
  deps: ServerDeps,
  topic: string,
  incoming: Incoming,
  { headers, principal, type, place }: EventOptions,
): Promise<Message> {
  const id = deps.ids.uuid()
  const event = incoming.event ?? withTrace(newEvent(deps, topic, type, id, incoming), headers)
  const declared = deps.registry.topic(topic)
  const definition = declared === undefined ? undefined : eventDefinitionOf(declared, event.type)
  const policies = definition === undefined ? {} : await checkData(`event '${event.type}'`, definition, incoming)
  const message = sentBy(principal, {
    id,
    event,
    body: incoming.body,
    priority: DEFAULT_PRIORITY,
    ...policies,
    ...(definition === undefined || definition.version === 1 ? {} : { notes: { v: String(definition.version) } }),
    ...incoming.delivery,
  })
  checkSize(deps, message, place)
  return message
}

function newEvent(
  { source, clock }: ServerDeps,
  topic: string,
  type: string | null,
  id: string,
  { contentType }: Incoming,
): EventAttributes {
  if (type === null)
    throw new PosthornError(
      'invalid-event',
      `the body is no CloudEvent, and nothing says what type of event it is the data of: ask /v1/topics/${topic}/events?type=TYPE`,
      { details: { field: 'type' } },
    )
  const event = { id, source, type, time: new Date(clock.wallMs()).toISOString() }
  return contentType === undefined ? event : { ...event, datacontenttype: contentType }
}
