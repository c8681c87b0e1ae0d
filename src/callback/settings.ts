/** What a platform says of an endpoint, checked and resolved: each error names the field, the value and what would be right. */
import { parseDuration, type Duration } from '../core/duration.ts'
import { isPosthornError, PosthornError } from '../core/error.ts'
import type { Filter } from '../core/filter.ts'
import { checkQueueName, isOwnQueue, isTopicName } from '../core/name.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { faultOfSubscription } from '../core/settings.ts'
import { isTopic, topicDefinitionOf } from '../task/index.ts'
import type { Topic } from '../topic/index.ts'
import { faultOfCriterion, type Ack } from './ack.ts'
import type { EndpointRetry, EndpointSettings, EndpointSubscription } from './endpoint.ts'
import { profileOf, PROFILES, STANDARD_RETRY, type CustomProfile, type ProfileName } from './profile.ts'
import { MASK, refuseMask, type SecretValue } from './secret.ts'

export interface EndpointRetryOptions {
  /** Default: one more than there are delays. */
  readonly attempts?: number | undefined
  /** How long to wait after each failed attempt; the last counts for all that follow. */
  readonly delays?: readonly Duration[] | undefined
}

/** A contract of your own. The secret is a text. */
export interface CustomProfileOptions {
  readonly signature: {
    readonly header: string
    readonly algorithm: 'hmac-sha256' | 'hmac-sha512' | 'hmac-sha1'
    /** Default 'hex'. */
    readonly encoding?: 'hex' | 'base64' | undefined
    /** What stands before the signature, like 'sha256='. Default: nothing. */
    readonly prefix?: string | undefined
  }
  /** What is signed: `{id}`, `{timestamp}` and `{body}` stand for those. Default '{body}'. */
  readonly signed?: string | undefined
  /** The header that names the event, the same at every attempt. */
  readonly id?: string | undefined
  readonly timestamp?: { readonly header: string; readonly unit?: 's' | 'ms' | undefined } | undefined
  /** The header that names the event's type. */
  readonly type?: string | undefined
  /** Default 'event': { type, timestamp, data }. */
  readonly body?: 'event' | 'cloudevent' | 'plain' | undefined
  /** Which answer counts. Default: any status from 200 to 299. */
  readonly ack?: Ack | undefined
  readonly timeout?: Duration | undefined
  readonly retry?: EndpointRetryOptions | undefined
}

export interface EndpointOptions {
  /** https; http only where the operator opened address ranges. */
  readonly url: string
  /** Each topic once. Default: none, for an endpoint that is only called with the end of tasks. */
  readonly subscriptions?:
    | readonly {
        readonly topic: string | Topic
        /** Patterns like 'order.*'. Default: every type. */
        readonly types?: readonly string[] | undefined
        /** CloudEvents filters; all must pass. Default: none. */
        readonly filters?: readonly Filter[] | undefined
      }[]
    | undefined
  /** For people, at most 500 characters. */
  readonly description?: string | undefined
  /** Default 'standard-webhooks'. */
  readonly profile?: ProfileName | CustomProfileOptions | undefined
  /** Default: made here, where the profile's can be. */
  readonly secret?: SecretValue | undefined
  /** For Standard Webhooks: 'v1' (a shared secret, default), 'v1a' (the platform's public key), 'both'. */
  readonly signature?: 'v1' | 'v1a' | 'both' | undefined
  /** none (default) · key: one at a time and in order among events that share a key · strict: one at a time and in order over all of a topic. */
  readonly order?: 'none' | 'key' | 'strict' | undefined
  /** Attempts a second, at most. Default: no limit; what the receiver bears is found out. */
  readonly ratePerSecond?: number | null | undefined
  /** Attempts at once, at most. Default 10. */
  readonly concurrency?: number | undefined
  /** For one exchange. Default: the profile's. */
  readonly timeout?: Duration | null | undefined
  /** Default: the profile's. */
  readonly retry?: EndpointRetryOptions | null | undefined
  /** thin: that something happened, without the event's data. Default 'full'. */
  readonly payload?: 'full' | 'thin' | undefined
  /** Sent with every call; shown masked. null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined
  /** Default true. What comes while it is not is kept. */
  readonly enabled?: boolean | undefined
  /** With which what waited while it was not enabled is sent, in order. Default: as all else. */
  readonly drainPerSecond?: number | null | undefined
  /** The queue that gets each receiver's answer. Default: none, or the message's own `replyTo`. */
  readonly answerTo?: string | null | undefined
}

const KNOWN = [
  'url',
  'subscriptions',
  'description',
  'profile',
  'secret',
  'signature',
  'order',
  'ratePerSecond',
  'concurrency',
  'timeout',
  'retry',
  'payload',
  'headers',
  'enabled',
  'drainPerSecond',
  'answerTo',
]
const MOST_SUBSCRIPTIONS = 50
const MOST_HEADERS = 20
const MOST_CONCURRENCY = 100
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const HEADER_TEXT = /^[\x20-\x7e]{1,2000}$/
/** What the exchange itself says. */
const CALL_HEADERS =
  /^(host|content-length|content-type|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|user-agent|proxy-.*|cookie)$/i
/** And what its profile says. */
const PROFILE_HEADERS = /^(webhook|ce)-/i

export const DEFAULT_ENDPOINT: Omit<EndpointSettings, 'url'> = {
  description: '',
  app: null,
  subscriptions: [],
  profile: 'standard-webhooks',
  signature: 'v1',
  order: 'none',
  ratePerSecond: null,
  concurrency: 10,
  timeoutMs: null,
  retry: null,
  payload: 'full',
  enabled: true,
  drainPerSecond: null,
  answerTo: null,
}

/**
 * What a write makes of `base`: what is stored for a change, the defaults for a replacement. null is the default.
 * @throws PosthornError `invalid-option`, `invalid-name`, `invalid-duration`, `masked-value`
 */
export function resolveEndpoint(field: string, given: unknown, base: EndpointSettings | null): EndpointSettings {
  if (!isPlain(given)) throw invalidOption(field, 'options', given, "an object like { url: 'https://…' }")
  checkKnown(field, given, KNOWN)
  const settings = { ...DEFAULT_ENDPOINT, ...base }
  const pick = <K extends keyof EndpointSettings>(
    name: K & keyof typeof DEFAULT_ENDPOINT,
    read: (value: unknown) => EndpointSettings[K],
  ) => (given[name] === undefined ? settings[name] : given[name] === null ? DEFAULT_ENDPOINT[name] : read(given[name]))
  const number = (name: string, value: unknown, least: number, most: number): number => {
    if (typeof value === 'number' && value >= least && value <= most) return value
    throw invalidOption(field, name, value, `a number from ${least} to ${most}`)
  }
  const oneOf = <const T extends string>(name: string, value: unknown, choices: readonly T[]): T => {
    if (choices.includes(value as T)) return value as T
    throw invalidOption(field, name, value, choices.map((each) => `'${each}'`).join(' or '))
  }
  const profile = pick('profile', (value) => resolveProfile(field, value))
  const resolved: EndpointSettings = {
    url: given['url'] === undefined && base !== null ? base.url : checkUrl(field, given['url']),
    app: settings.app,
    description: pick('description', (value) => checkText(field, 'description', value, 500)),
    subscriptions: pick('subscriptions', (value) => resolveSubscriptions(field, value)),
    profile,
    signature: pick('signature', (value) => oneOf('signature', value, ['v1', 'v1a', 'both'])),
    order: pick('order', (value) => oneOf('order', value, ['none', 'key', 'strict'])),
    ratePerSecond: pick('ratePerSecond', (value) => number('ratePerSecond', value, 0.001, 100_000)),
    concurrency: pick('concurrency', (value) => {
      if (Number.isInteger(value)) return number('concurrency', value, 1, MOST_CONCURRENCY)
      throw invalidOption(field, 'concurrency', value, `a whole number from 1 to ${MOST_CONCURRENCY}`)
    }),
    timeoutMs:
      given['timeout'] === undefined
        ? settings.timeoutMs
        : given['timeout'] === null
          ? null
          : checkTimeout(field, given['timeout']),
    retry: pick('retry', (value) => resolveRetry(field, value, settings.retry)),
    payload: pick('payload', (value) => oneOf('payload', value, ['full', 'thin'])),
    enabled: pick('enabled', (value) => {
      if (typeof value === 'boolean') return value
      throw invalidOption(field, 'enabled', value, 'true or false')
    }),
    drainPerSecond: pick('drainPerSecond', (value) => number('drainPerSecond', value, 0.001, 100_000)),
    answerTo: pick('answerTo', (value) => checkAnswerTo(field, value)),
  }
  if (resolved.signature !== 'v1' && profile !== 'standard-webhooks' && profile !== 'cloudevents')
    throw invalidOption(
      field,
      'signature',
      resolved.signature,
      "'v1' with every profile but 'standard-webhooks' and 'cloudevents'",
    )
  return resolved
}

/** @throws PosthornError `invalid-option`, `masked-value` */
export function resolveHeaders(
  field: string,
  given: unknown,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (given === undefined) return before
  if (given === null) return {}
  if (!isPlain(given)) throw invalidOption(field, 'headers', typeof given, "an object like { 'x-tenant': 'a' }")
  const headers: Record<string, string> = { ...before }
  for (const [name, value] of Object.entries(given)) {
    const key = name.toLowerCase()
    if (!HEADER_NAME.test(name) || CALL_HEADERS.test(name) || PROFILE_HEADERS.test(name))
      throw invalidOption(field, 'headers', name, 'names of headers that the call does not set itself')
    if (value === null) {
      delete headers[key]
      continue
    }
    refuseMask(`headers.${name}`, value)
    if (typeof value !== 'string' || !HEADER_TEXT.test(value))
      throw invalidOption(
        field,
        `headers.${name}`,
        typeof value === 'string' ? MASK : value,
        'printable ASCII, at most 2,000 characters',
      )
    headers[key] = value
  }
  if (Object.keys(headers).length > MOST_HEADERS)
    throw invalidOption(field, 'headers', Object.keys(headers).length, `at most ${MOST_HEADERS} of them`)
  return headers
}

function checkUrl(field: string, value: unknown): string {
  const url = typeof value === 'string' && value.length <= 2_048 ? URL.parse(value) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '')
    throw invalidOption(field, 'url', value, 'an https URL of at most 2,048 characters')
  if (url.username !== '' || url.password !== '')
    throw invalidOption(field, 'url', `${url.origin}…`, 'one without a user or password: use headers')
  url.hash = ''
  return url.href
}

function checkText(field: string, name: string, value: unknown, longest: number): string {
  if (typeof value === 'string' && value.length <= longest) return value
  throw invalidOption(field, name, value, `a text of at most ${longest} characters`)
}

function checkTimeout(field: string, value: unknown): number {
  const ms = parseDuration(value as Duration, `${field}: timeout`)
  if (ms >= 100 && ms <= 120_000) return ms
  throw invalidOption(field, 'timeout', value, "from '100ms' to '2m'")
}

function checkAnswerTo(field: string, value: unknown): string {
  const queue = checkQueueName(value, `${field}: answerTo`)
  if (!isOwnQueue(queue) && !queue.startsWith('topic:')) return queue
  throw invalidOption(field, 'answerTo', value, "a queue like 'answers' or 'task:note-answer'")
}

function resolveSubscriptions(field: string, value: unknown): readonly EndpointSubscription[] {
  if (!Array.isArray(value) || value.length > MOST_SUBSCRIPTIONS)
    throw invalidOption(
      field,
      'subscriptions',
      value,
      `a list of at most ${MOST_SUBSCRIPTIONS} like { topic: 'orders', types: ['order.*'] }`,
    )
  const topics = new Set<string>()
  return value.map((each: unknown, at) => {
    const place = `${field}: subscriptions[${at}]`
    if (!isPlain(each)) throw invalidOption(place, 'it', each, "an object like { topic: 'orders', types: ['order.*'] }")
    checkKnown(place, each, ['topic', 'types', 'filters'])
    const topic = isTopic(each['topic']) ? topicDefinitionOf(each['topic'], place).name : each['topic']
    if (typeof topic !== 'string' || !isTopicName(topic))
      throw invalidOption(place, 'topic', topic, 'the name of a topic')
    if (topics.has(topic))
      throw invalidOption(place, 'topic', topic, "a topic that is named once: give it several types, or a filter 'any'")
    topics.add(topic)
    const { types = [], filters = [] } = each as {
      readonly types?: readonly string[]
      readonly filters?: readonly Filter[]
    }
    if (!Array.isArray(types)) throw invalidOption(place, 'types', types, "a list of patterns like 'order.*'")
    if (!Array.isArray(filters)) throw invalidOption(place, 'filters', filters, 'a list of CloudEvents filters')
    const fault = faultOfSubscription({ topic, name: 'endpoint', types, filters, from: 'now', order: 'none' })
    if (fault !== null) throw new PosthornError('invalid-option', `${place}: ${fault}`, { details: { field: place } })
    return { topic, types, filters }
  })
}

export function resolveRetry(field: string, value: unknown, base: EndpointRetry | null): EndpointRetry {
  if (!isPlain(value))
    throw invalidOption(field, 'retry', value, "an object like { attempts: 5, delays: ['5s', '5m'] }")
  checkKnown(`${field}: retry`, value, ['attempts', 'delays'])
  const { attempts, delays } = value
  if (delays !== undefined && !(Array.isArray(delays) && delays.length > 0 && delays.length <= 50))
    throw invalidOption(field, 'retry.delays', delays, "a list of 1 to 50 durations like '5s'")
  const delaysMs =
    delays === undefined
      ? (base?.delaysMs ?? STANDARD_RETRY.delaysMs)
      : (delays as readonly Duration[]).map((each, at) => parseDuration(each, `${field}: retry.delays[${at}]`))
  const most = attempts ?? (delays === undefined && base !== null ? base.attempts : delaysMs.length + 1)
  if (!Number.isSafeInteger(most) || (most as number) < 1 || (most as number) > 1_000)
    throw invalidOption(field, 'retry.attempts', attempts, 'a whole number from 1 to 1,000')
  return { attempts: most as number, delaysMs }
}

export function resolveProfile(field: string, value: unknown): ProfileName | CustomProfile {
  if (typeof value === 'string') {
    if (Object.hasOwn(PROFILES, value)) return value as ProfileName
    throw invalidOption(field, 'profile', value, `one of ${Object.keys(PROFILES).join(', ')}, or an object of your own`)
  }
  if (!isPlain(value)) throw invalidOption(field, 'profile', value, 'the name of a profile, or an object of your own')
  const place = `${field}: profile`
  checkKnown(place, value, ['signature', 'signed', 'id', 'timestamp', 'type', 'body', 'ack', 'timeout', 'retry'])
  const options = value as unknown as Partial<CustomProfileOptions>
  const {
    signature,
    signed = '{body}',
    id = null,
    timestamp,
    type = null,
    body = 'event',
    ack = { status: 'success' },
  } = options
  if (!isPlain(signature))
    throw invalidOption(place, 'signature', signature, "{ header: 'x-signature', algorithm: 'hmac-sha256' }")
  checkKnown(`${place}.signature`, signature, ['header', 'algorithm', 'encoding', 'prefix'])
  const header = (name: string, each: unknown): string => {
    if (typeof each === 'string' && HEADER_NAME.test(each) && !CALL_HEADERS.test(each)) return each.toLowerCase()
    throw invalidOption(place, name, each, 'the name of a header that the call does not set itself')
  }
  const { algorithm, encoding = 'hex', prefix = '' } = signature
  if (!['hmac-sha256', 'hmac-sha512', 'hmac-sha1'].includes(algorithm))
    throw invalidOption(place, 'signature.algorithm', algorithm, "'hmac-sha256', 'hmac-sha512' or 'hmac-sha1'")
  if (encoding !== 'hex' && encoding !== 'base64')
    throw invalidOption(place, 'signature.encoding', encoding, "'hex' or 'base64'")
  if (typeof prefix !== 'string' || !/^[\x20-\x7e]{0,50}$/.test(prefix))
    throw invalidOption(place, 'signature.prefix', prefix, "a short text like 'sha256='")
  if (!['event', 'cloudevent', 'plain'].includes(body))
    throw invalidOption(place, 'body', body, "'event', 'cloudevent' or 'plain'")
  const fault = faultOfCriterion(ack)
  if (fault !== null) throw invalidOption(place, 'ack', ack, fault)
  if (timestamp !== undefined && !isPlain(timestamp))
    throw invalidOption(place, 'timestamp', timestamp, "an object like { header: 'x-time', unit: 's' }")
  const unit = timestamp?.unit ?? 's'
  if (unit !== 's' && unit !== 'ms') throw invalidOption(place, 'timestamp.unit', unit, "'s' or 'ms'")
  const custom: CustomProfile = {
    signature: { header: header('signature.header', signature.header), algorithm, encoding, prefix },
    signed: checkText(place, 'signed', signed, 200),
    id: id === null ? null : header('id', id),
    timestamp: timestamp === undefined ? null : { header: header('timestamp.header', timestamp.header), unit },
    type: type === null ? null : header('type', type),
    body,
    ack,
    timeoutMs: options.timeout === undefined ? 15_000 : checkTimeout(place, options.timeout),
    retry: options.retry === undefined ? STANDARD_RETRY : resolveRetry(place, options.retry, null),
  }
  try {
    profileOf(custom)
  } catch (error) {
    if (isPosthornError(error)) throw error
    throw invalidOption(place, 'signed', signed, (error as Error).message)
  }
  return custom
}
