/**
 * Makes the message of a send: the input is validated as given and stored as given, in wire form; its parsed form gives key,
 * group and dedupe. Synchronous wherever the schema is, so that held effects can be.
 */
import type { Clock } from '../core/clock.ts'
import { PosthornError } from '../core/error.ts'
import type { Ids } from '../core/id.ts'
import { toJsonBytes } from '../core/json.ts'
import { DEFAULT_PRIORITY, type EventAttributes, type Message } from '../core/message.ts'
import { describeIssues, validate, type SchemaResult } from '../core/schema.ts'
import { REPORT_QUEUE } from '../operation/index.ts'
import { definitionOf, type Definition } from './definition.ts'
import {
  checkMessageOptions,
  checkPublishOptions,
  toDelay,
  toExpiry,
  type PublishOptions,
  type SendOptions,
} from './option.ts'
import { applyPolicies, hasPolicies, type Registry } from './registry.ts'
import type { TopicDefinition } from './topic-definition.ts'

export interface ComposeDeps {
  readonly clock: Clock
  readonly ids: Ids
  /** CloudEvents source of what is sent. */
  readonly source: string
  readonly maxBodyBytes: number
  readonly registry: Registry
  /** What must be waited for before an event of the topic is published; null: nothing. Default: nothing ever. */
  readonly prepareTopic?: ((topic: TopicDefinition) => Promise<void> | null) | undefined
}

/** A message and where it goes. */
export interface Outgoing {
  readonly queue: string
  readonly message: Message
}

export interface ComposeOptions extends SendOptions<never>, PublishOptions {}

/** Of a message that is being made: built up in place, because every copy on the way would cost as much as the message. */
type Draft<T> = { -readonly [Field in keyof T]: T[Field] }

const NONE: ComposeOptions = {}

export class Composer {
  readonly #deps: ComposeDeps
  #timeMs = Number.NaN
  #time = ''

  constructor(deps: ComposeDeps) {
    this.#deps = deps
  }

  /** See `ComposeDeps`. */
  prepareTopic(topic: TopicDefinition): Promise<void> | null {
    return this.#deps.prepareTopic?.(topic) ?? null
  }

  /**
   * @param cause the message whose handler sends this one
   * @param id that it was given already, if it was
   * @throws PosthornError `invalid-input`, `invalid-option`, `invalid-duration`, `payload-too-large`
   */
  compose(
    definition: Definition,
    input: unknown,
    options: ComposeOptions = NONE,
    cause: Message | null = null,
    id: string | null = null,
  ): Outgoing | Promise<Outgoing> {
    if (options !== NONE) checkOptions(definition, options)
    const parsed = definition.input === null ? validNothing(input) : validate(definition.input, input)
    if (parsed instanceof Promise)
      return parsed.then((late) => this.#finish(definition, input, late, options, cause, id))
    return this.#finish(definition, input, parsed, options, cause, id)
  }

  /** A new id, for an effect that is named before it is made. */
  id(): string {
    return this.#deps.ids.uuid()
  }

  #finish(
    definition: Definition,
    input: unknown,
    parsed: SchemaResult<unknown>,
    options: ComposeOptions,
    cause: Message | null,
    given: string | null,
  ): Outgoing {
    const { kind, name, queue } = definition
    if (!parsed.ok) {
      throw new PosthornError(
        'invalid-input',
        `the input of ${kind} '${name}' does not match its schema: ${describeIssues(parsed.issues)}`,
        { details: { [kind]: name, issues: parsed.issues } },
      )
    }
    const nowMs = this.#deps.clock.wallMs()
    const id = given ?? options.id ?? this.#deps.ids.uuid(nowMs)
    const message: Draft<Message> = {
      id,
      event: this.#event(definition, id, nowMs, options, cause),
      body: this.#encode(definition, input),
      priority: options.priority ?? DEFAULT_PRIORITY,
    }
    if (hasPolicies(definition)) Object.assign(message, applyPolicies(definition, parsed.value))
    if (kind === 'task') message.report = REPORT_QUEUE
    if (options !== NONE || definition.version !== 1) this.#address(message, definition, options)
    return { queue, message }
  }

  #encode({ kind, name }: Definition, input: unknown): Uint8Array {
    let body: Uint8Array
    try {
      body = toJsonBytes(input)
    } catch (cause) {
      throw new PosthornError(
        'invalid-input',
        `the input of ${kind} '${name}' is not JSON: ${(cause as Error).message}`,
        { cause, details: { [kind]: name } },
      )
    }
    const { maxBodyBytes } = this.#deps
    if (body.byteLength <= maxBodyBytes) return body
    throw new PosthornError(
      'payload-too-large',
      `the input of ${kind} '${name}' has ${body.byteLength} bytes: at most ${maxBodyBytes} are allowed`,
      { details: { [kind]: name, bytes: body.byteLength, limit: maxBodyBytes } },
    )
  }

  #event(
    { eventType }: Definition,
    id: string,
    nowMs: number,
    options: PublishOptions,
    cause: Message | null,
  ): EventAttributes {
    const { subject, source, attributes } = options
    const event: Draft<EventAttributes> = {
      id,
      source: source ?? this.#deps.source,
      type: eventType,
      time: this.#textOf(Math.floor(nowMs)),
      datacontenttype: 'application/json',
    }
    if (subject !== undefined) event.subject = subject
    if (attributes !== undefined) Object.assign(event, attributes)
    if (cause !== null) {
      event['correlationid'] = cause.event['correlationid'] ?? cause.id
      event['causationid'] = cause.id
    }
    const traced = options.traceparent === undefined ? cause?.event : options
    if (traced?.['traceparent'] !== undefined) {
      event['traceparent'] = traced['traceparent']
      if (traced['tracestate'] !== undefined) event['tracestate'] = traced['tracestate']
    }
    return event
  }

  /** What was asked for this message goes before what its contract says. */
  #address(message: Draft<Message>, definition: Definition, options: ComposeOptions): void {
    const field = fieldOf(definition)
    const { key, group, dedupe } = options
    const delay = toDelay(field, options)
    const expires = toExpiry(field, options)
    const notes = this.#notes(definition, options, field)
    if (key !== undefined) message.key = key
    if (group !== undefined) message.group = group
    if (dedupe !== undefined) message.dedupe = dedupe
    if (delay !== undefined) message.delay = delay
    if (expires !== undefined) message.expires = expires
    if (notes !== null) message.notes = notes
  }

  #notes(
    { kind, version }: Definition,
    { onSuccess, onFailure }: ComposeOptions,
    field: string,
  ): Record<string, string> | null {
    if (version === 1 && onSuccess === undefined && onFailure === undefined) return null
    if (kind !== 'task' && (onSuccess ?? onFailure) !== undefined) {
      throw new PosthornError(
        'invalid-option',
        `${field}: onSuccess and onFailure are told of an operation's end, and a queue has no operations: make it a task`,
        { details: { field: 'onSuccess' } },
      )
    }
    return {
      ...(version === 1 ? {} : { v: String(version) }),
      ...(onSuccess === undefined ? {} : { onSuccess: this.#target(onSuccess, `${field}: onSuccess`) }),
      ...(onFailure === undefined ? {} : { onFailure: this.#target(onFailure, `${field}: onFailure`) }),
    }
  }

  /** Where to tell of an end: the queue, and its contract's version where that is not the first. */
  #target(contract: unknown, field: string): string {
    const definition = definitionOf(contract, field)
    this.#deps.registry.add(definition)
    return definition.version === 1 ? definition.queue : `${definition.queue}@${definition.version}`
  }

  #textOf(nowMs: number): string {
    if (nowMs !== this.#timeMs) {
      this.#timeMs = nowMs
      this.#time = new Date(nowMs).toISOString()
    }
    return this.#time
  }
}

function checkOptions(definition: Definition, options: ComposeOptions): void {
  const field = fieldOf(definition)
  checkMessageOptions(field, options, definition.kind === 'event')
  if (definition.kind === 'event') checkPublishOptions(field, options)
}

/** Where a mistake is, for people. */
const fieldOf = ({ kind, name, queue }: Definition): string =>
  kind === 'event' ? `publish '${name}' to topic '${queue}'` : `send to ${kind} '${name}'`

/** A contract without a schema takes no input. */
function validNothing(input: unknown): SchemaResult<unknown> {
  if (input === undefined) return { ok: true, value: undefined }
  return {
    ok: false,
    issues: [
      {
        message: `it takes no input, and was given ${typeof input === 'object' ? 'an object' : `a ${typeof input}`}`,
        path: [],
      },
    ],
  }
}
