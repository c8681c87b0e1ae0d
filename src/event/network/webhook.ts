/**
 * An HTTP intake: takes what a platform signs and delivers, and answers success only when it is taken. Verification, questions of platforms,
 * time limits and wording of answers are those of `posthorn/webhooks`; this is what stands behind them.
 */
import { parseDuration, type Duration } from '../../core/duration.ts'
import { PosthornError } from '../../core/error.ts'
import { invalidOption } from '../../core/option.ts'
import type { Schema, SchemaInput, SchemaOutput } from '../../core/schema.ts'
import type { JsonInput } from '../../task/index.ts'
import {
  createReceiver,
  isWebhookError,
  recentIds,
  type Profile,
  type ReceivedOutcome,
  type Secrets,
  type Verified,
} from '../../webhooks/index.ts'
import { parseEvent, resolveEvents, type Schemas } from '../business.ts'
import { brandSource, resolveSource, type Source, type SourceConfig, type SourceOptions } from '../contract.ts'
import { Hub, type Telling } from '../listen/hub.ts'
import { listenHttp } from './http-listener.ts'
import { resolvePlace, type ListenOptions } from './listen-place.ts'

type EventSchemas = { readonly [type: string]: Schema }

export interface WebhookOptions<Secret, E> extends SourceOptions {
  /** How the platform signs: `stripe`, `github`, `slack`, `shopify`, `standardWebhooks`, … of `posthorn/webhooks`, or one of your own. */
  readonly profile: Profile<Secret>
  /** All that may have signed: during a rotation the old and the new one. */
  readonly secrets: Secrets<Secret>
  /** The events by type, with schemas of their data, which are the body. Default: any type, of which nothing is known. */
  readonly events?: { [K in keyof E]: E[K] & JsonInput<E[K]> } | undefined
  /** What becomes of other types where `events` are given. 'ignore': success is answered, and nobody is told. 'refuse': 422. Default 'ignore'. */
  readonly others?: 'ignore' | 'refuse' | undefined
  /** The event's type. Default: what the profile says, with '/' as '.' (`orders/create` is `orders.create`). */
  readonly typeOf?: ((event: Verified) => string) | undefined
  /** Default 1 MiB. Behind `posthorn serve` its own limit holds as well. */
  readonly maxBodyBytes?: number | undefined
  /** For everything, the body's arrival included. Default: a little less than the platform waits. */
  readonly answerWithin?: Duration | undefined
  /** A server of its own, on loopback unless `host` says otherwise. Default: none; `posthorn serve` mounts it, or you do with `fetch`. */
  readonly listen?: ListenOptions | undefined
  /** Told of each request, for logs and metrics. */
  readonly observe?: ((outcome: ReceivedOutcome) => void) | undefined
}

export interface WebhookSource<Name extends string, Events, Parsed = Events> extends Source<Name, Events, Parsed> {
  /** Answers a request: mount it in any server that speaks the Fetch API. Bodies must be as they came. */
  readonly fetch: (request: Request) => Promise<Response>
  /** Where its own server listens; null without one, or while nobody listens to the source. */
  readonly url: string | null
}

const KNOWN = ['profile', 'secrets', 'events', 'others', 'typeOf', 'maxBodyBytes', 'answerWithin', 'listen', 'observe']
const EVENT_TYPE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/

/**
 * `webhook('github', { profile: github, secrets: [secret], events: { push: Push } })`. Success is answered when the event is durable in every
 * topic that it is forwarded to; where nothing forwards it, when every handler has returned. Anything else is a refusal that has the
 * platform send it again. The id that the platform gives an event is the event's: known ones are answered, and not told again.
 * @throws PosthornError `invalid-name`, `invalid-option`; WebhookError `invalid-secret`, `invalid-option`
 */
export function webhook<const N extends string, Secret, E extends EventSchemas = EventSchemas>(
  name: N,
  options: WebhookOptions<Secret, E>,
): WebhookSource<N, { [K in keyof E]: SchemaInput<E[K]> }, { [K in keyof E]: SchemaOutput<E[K]> }> {
  const config = resolveSource('webhook', name, options, KNOWN)
  const { others = 'ignore', listen } = options
  if (others !== 'ignore' && others !== 'refuse')
    throw invalidOption(config.field, 'others', others, "'ignore' or 'refuse'")
  const place = listen === undefined ? null : resolvePlace(config.field, listen)
  let url: string | null = null
  const hub = new Hub(config, async () => {
    if (place === null) return () => {}
    const server = await listenHttp(place, fetch, config)
    url = server.url
    return async () => {
      url = null
      await server.close()
    }
  })
  const receiver = receiverOf(config, options, hub)
  const fetch = async (request: Request): Promise<Response> => (hub.isHeard ? receiver(request) : unheard(name))
  const definition = { name, hub, isAcknowledged: true, mount: fetch }
  const made = Object.assign(brandSource(name, definition), { fetch, url })
  return Object.freeze(Object.defineProperty(made, 'url', { get: () => url }))
}

function receiverOf<Secret, E>(
  { name, field, clock }: SourceConfig,
  options: WebhookOptions<Secret, E>,
  hub: Hub,
): (request: Request) => Promise<Response> {
  const { profile, secrets, events, others, answerWithin, maxBodyBytes, observe } = options
  const typeOf = options.typeOf ?? (({ type }: Verified) => type ?? 'received')
  const schemas = events === undefined ? null : resolveEvents(field, events)
  return createReceiver({
    profile,
    secrets,
    maxBodyBytes,
    observe: (outcome) => {
      if (outcome.outcome === 'refused') hub.refuse()
      observe?.(outcome)
    },
    seen: recentIds({ windowMs: profile?.repeatedForMs }),
    answerWithinMs: answerWithin === undefined ? undefined : parseDuration(answerWithin, `${field}: answerWithin`),
    onEvent: async (event) => {
      const type = toType(name, typeOf(event))
      if (schemas !== null && !schemas.has(type) && others !== 'refuse') return
      await hub.tell({ ...(await readEvent(name, schemas, type, event)), atMs: event.timestamp ?? clock.wallMs() })
        .taken
    },
  })
}

async function readEvent(name: string, schemas: Schemas | null, type: string, event: Verified): Promise<Telling> {
  const wire = readData(event)
  if (schemas === null) return { type, data: wire, id: event.id }
  return { type, data: await parseEvent(name, schemas, type, wire), wire, id: event.id }
}

/** JSON where it is JSON, else the fields of a form, else text. */
function readData(event: Verified): unknown {
  if (event.body.length === 0) return null
  try {
    return event.json()
  } catch (error) {
    if (!isWebhookError(error)) throw error
  }
  const isForm = (event.headers.get('content-type') ?? '').startsWith('application/x-www-form-urlencoded')
  return isForm ? event.form() : event.text()
}

/** @throws PosthornError `unknown-event` */
function toType(source: string, given: unknown): string {
  const type = typeof given === 'string' ? given.replaceAll('/', '.') : ''
  if (EVENT_TYPE.test(type) && type.length <= 255) return type
  throw new PosthornError(
    'unknown-event',
    `source '${source}' was sent an event of type ${JSON.stringify(given)?.slice(0, 80)}`,
  )
}

function unheard(name: string): Response {
  return new Response(`nothing listens to '${name}' at the moment`, {
    status: 503,
    headers: { 'retry-after': '10', 'content-type': 'text/plain', 'cache-control': 'no-store' },
  })
}
