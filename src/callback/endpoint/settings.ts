/** An endpoint's settings out of what a platform says of it: each error names the field, the value and what would be right. */
import { checkQueueName, isOwnQueue } from '../../core/name.ts'
import { checkKnown, invalidOption, isPlain } from '../../core/option.ts'
import { PROFILES, signsStandard } from '../profile/profile.ts'
import { resolveProfile } from './custom-profile.ts'
import type { EndpointSettings } from './endpoint.ts'
import { checkTimeout, resolveRetry } from './schedule.ts'
import { resolveSubscriptions } from './subscription.ts'

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
const MOST_CONCURRENCY = 100
const LONGEST_DESCRIPTION = 500
const LONGEST_URL = 2_048
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
    description: pick('description', (value) => checkDescription(field, value)),
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
  if (resolved.signature !== 'v1' && !(typeof profile === 'string' && signsStandard(PROFILES[profile])))
    throw invalidOption(
      field,
      'signature',
      resolved.signature,
      "'v1' with every profile but 'standard-webhooks' and those of CloudEvents",
    )
  return resolved
}

function checkUrl(field: string, value: unknown): string {
  const url = typeof value === 'string' && value.length <= LONGEST_URL ? URL.parse(value) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '')
    throw invalidOption(field, 'url', value, 'an https URL of at most 2,048 characters')
  if (url.username !== '' || url.password !== '')
    throw invalidOption(field, 'url', `${url.origin}…`, 'one without a user or password: use headers')
  url.hash = ''
  // As it is sent: a letter that is not ASCII is up to nine there.
  if (url.href.length > LONGEST_URL)
    throw invalidOption(field, 'url', `${url.origin}…`, `at most ${LONGEST_URL} characters, as it is sent`)
  return url.href
}

function checkAnswerTo(field: string, value: unknown): string {
  const queue = checkQueueName(value, `${field}: answerTo`)
  if (!isOwnQueue(queue) && !queue.startsWith('topic:')) return queue
  throw invalidOption(field, 'answerTo', value, "a queue like 'answers' or 'task:note-answer'")
}

function checkDescription(field: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= LONGEST_DESCRIPTION) return value
  throw invalidOption(field, 'description', value, `a text of at most ${LONGEST_DESCRIPTION} characters`)
}
