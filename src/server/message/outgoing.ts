/**
 * The message of an event that came in. Where the queue's contract is known here, the data is validated as by a send in code and
 * the contract gives key, group and dedupe; the bytes are stored as they came.
 */
import type { Principal } from '../../app/index.ts'
import { isJsonType } from '../../core/cloud-event/media-type.ts'
import { PosthornError } from '../../core/error.ts'
import { DEFAULT_PRIORITY, faultOfMessage, type EventAttributes, type Message } from '../../core/message.ts'
import { checkQueueName, isOwnQueue } from '../../core/name.ts'
import { describeIssues, validate, type SchemaResult } from '../../core/schema.ts'
import { sentBy, shownName } from '../app/space.ts'
import { eventTypeOf, REPORT_QUEUE, taskOfQueue } from '../../operation/index.ts'
import { applyPolicies, type Definition } from '../../task/index.ts'
import { parseJson } from '../request/body.ts'
import { withTrace } from '../request/trace.ts'
import type { ServerDeps } from '../route/call.ts'
import type { Incoming } from './incoming.ts'

export interface OutgoingOptions {
  readonly headers: Headers
  /** Who sends it. */
  readonly principal: Principal
  /** Default: a new one. */
  readonly id?: string | undefined
  /** What the operation is ended with. */
  readonly notes?: Readonly<Record<string, string>> | undefined
  /** Of the event, for messages. */
  readonly place?: string | undefined
}

/** @throws PosthornError `invalid-name`, `forbidden-queue` */
export function checkTarget(queue: string): string {
  checkQueueName(queue, 'queue')
  if (isOwnQueue(queue))
    throw new PosthornError(
      'forbidden-queue',
      `'${queue}' is Posthorn's own: it can be looked at, redriven and purged, not sent to or leased`,
      { details: { queue } },
    )
  return queue
}

/** @throws PosthornError `invalid-input`, `invalid-event`, `unsupported-media-type`, `invalid` */
export async function toMessage(
  deps: ServerDeps,
  queue: string,
  incoming: Incoming,
  options: OutgoingOptions,
): Promise<Message> {
  const task = taskOfQueue(queue)
  const known = deps.registry.get(queue)
  // What is sent past the topic into a subscription's queue has a type of its own, which no contract here says.
  const definition = known?.kind === 'subscription' ? undefined : known
  const id = options.id ?? deps.ids.uuid()
  const event =
    incoming.event ?? withTrace(newEvent(deps, shownName(options.principal, queue), id, incoming), options.headers)
  if (task !== null && event.type !== eventTypeOf(queue))
    throw new PosthornError(
      'invalid-event',
      `${options.place ?? 'event'}.type is '${event.type}': what is sent to task '${task}' has the type '${eventTypeOf(queue)}'`,
      { details: { field: 'type' } },
    )
  const policies = task === null && definition === undefined ? {} : await checkData(queue, definition, incoming)
  const notes: Record<string, string> = {
    ...(definition === undefined || definition.version === 1 ? {} : { v: String(definition.version) }),
    ...options.notes,
  }
  const message = sentBy(options.principal, {
    id,
    event,
    body: incoming.body,
    priority: DEFAULT_PRIORITY,
    ...policies,
    ...(task === null ? {} : { report: REPORT_QUEUE }),
    ...(Object.keys(notes).length === 0 ? {} : { notes }),
    ...incoming.delivery,
  })
  checkSize(deps, message, options.place)
  return message
}

/** @throws PosthornError `payload-too-large`, `invalid` */
export function checkSize({ engine }: ServerDeps, message: Message, place?: string): void {
  const { maxBodyBytes } = engine.capabilities
  if (message.body.byteLength > maxBodyBytes)
    throw new PosthornError(
      'payload-too-large',
      `the data has ${message.body.byteLength} bytes: the engine takes ${maxBodyBytes}`,
      { details: { limit: maxBodyBytes } },
    )
  const fault = faultOfMessage(message, maxBodyBytes)
  if (fault !== null) throw new PosthornError('invalid', `${place === undefined ? '' : `${place}: `}${fault}`)
}

function newEvent(
  { source, clock }: ServerDeps,
  queue: string,
  id: string,
  { contentType }: Incoming,
): EventAttributes {
  const event = { id, source, type: eventTypeOf(queue), time: new Date(clock.wallMs()).toISOString() }
  return contentType === undefined ? event : { ...event, datacontenttype: contentType }
}

/** Validates the data as wire input of the contract; gives what the contract's functions make of it. */
export async function checkData(
  to: string,
  definition: Definition | undefined,
  { body, contentType }: Incoming,
): Promise<Pick<Message, 'key' | 'group' | 'dedupe'>> {
  if (body.byteLength > 0 && !isJsonType(contentType))
    throw new PosthornError(
      'unsupported-media-type',
      `Content-Type is ${JSON.stringify(contentType)}: '${to}' takes application/json`,
    )
  const input = body.byteLength === 0 ? undefined : parseJson(body)
  if (definition === undefined) return {}
  const parsed = await parse(definition, input)
  if (!parsed.ok)
    throw new PosthornError(
      'invalid-input',
      `the input of ${definition.kind} '${definition.name}' does not match its schema: ${describeIssues(parsed.issues)}`,
      { details: { issues: parsed.issues } },
    )
  return applyPolicies(definition, parsed.value)
}

function parse({ input: schema }: Definition, input: unknown): SchemaResult<unknown> | Promise<SchemaResult<unknown>> {
  if (schema !== null) return validate(schema, input)
  return input === undefined
    ? { ok: true, value: undefined }
    : { ok: false, issues: [{ message: 'it takes no input: send no body', path: [] }] }
}
