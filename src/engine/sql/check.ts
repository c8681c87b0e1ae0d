/**
 * What can be said of a Commit without looking at what is stored: whether its changes are sound and within the engine's limits. Engines ask
 * before anything reaches their database, so that no statement ever meets a value it was not written for.
 */
import type { Change, Commit } from '../../core/engine.ts'
import {
  ENDED_STATES,
  faultOfMessage,
  faultOfWhen,
  WAITING_STATES,
  type Failure,
  type Message,
  type MessageRef,
  type State,
  type StoredMessage,
} from '../../core/message.ts'
import { isQueueName, isTopicName } from '../../core/name.ts'
import { isRecordKey, isSettingsKey } from '../../core/record.ts'
import {
  faultOfSettings,
  faultOfSubscription,
  type QueueSettings,
  type Retention,
  type Subscription,
} from '../../core/settings.ts'
import type { EngineLimits } from './limit.ts'
import { quote, refuse, type Refusal } from './refusal.ts'

const STATES: readonly State[] = [...WAITING_STATES, 'leased', 'dead', ...ENDED_STATES]
const ID_CHARACTERS = 200
/** What a count of hand-outs can be. */
const MOST = 2 ** 32 - 1
/** What a subscription's patterns and filters may take as JSON. */
const SUBSCRIPTION_CHARACTERS = 65_536

const SETTLING: ReadonlySet<Change['do']> = new Set(['ack', 'retry', 'release', 'bury', 'drop'])

export type Settlement = Extract<Change, { readonly token: string }>

/** Whether the change says what became of a message that was handed out. A commit with one is never refused for a limit. */
export function isSettlement(change: Change | null | undefined): change is Settlement {
  return SETTLING.has(change?.do as Change['do'])
}

/** The first change that is at fault whatever is stored. */
export function faultOfCommit(
  { id, changes }: Commit,
  limits: EngineLimits,
): { readonly at: number; readonly refusal: Refusal } | null {
  if (!Array.isArray(changes))
    return { at: 0, refusal: refuse('invalid', `changes is ${quote(changes)}: it must be a list`) }
  if (id !== undefined && (typeof id !== 'string' || id === '' || id.length > ID_CHARACTERS))
    return {
      at: 0,
      refusal: refuse(
        'invalid',
        `the commit's id is ${quote(id)}: it must be a text of 1 to ${ID_CHARACTERS} characters`,
      ),
    }
  if (changes.length > limits.changes)
    return {
      at: limits.changes,
      refusal: refuse('invalid', `there are ${changes.length} changes: a commit has at most ${limits.changes}`),
    }
  let refs = 0
  for (let at = 0; at < changes.length; at++) {
    const change = changes[at]!
    const refusal = faultOfAny(change, limits)
    if (refusal !== null) return { at, refusal }
    if ('messages' in change && (refs += change.messages.length) > limits.changes)
      return {
        at,
        refusal: refuse('invalid', `there are ${refs} messages: a commit names at most ${limits.changes}`),
      }
  }
  return null
}

/** Whatever a malformed change trips over is a refusal. */
function faultOfAny(change: Change, limits: EngineLimits): Refusal | null {
  try {
    return faultOfChange(change, limits)
  } catch (error) {
    return refuse('invalid', `the change is malformed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function faultOfChange(change: Change, limits: EngineLimits): Refusal | null {
  switch (change.do) {
    case 'send':
      return faultOfQueue(change.queue) ?? faultOfSent(change.message, limits)
    case 'publish':
      return faultOfTopic(change.topic) ?? faultOfSent(change.message, limits)
    case 'put':
      return faultOfPut(change, limits)
    case 'remove':
      return faultOfKey(change.key, 'key')
    case 'configure':
      return faultOfQueue(change.queue) ?? faultOfPick(change.settings)
    case 'retain':
      return faultOfTopic(change.topic) ?? faultOfRetention(change.retention)
    case 'bind':
      return faultOfBound(change.subscription)
    case 'unbind':
      return typeof change.topic === 'string' && typeof change.name === 'string'
        ? null
        : refuse('invalid', `topic and name are ${quote([change.topic, change.name])}: they must be texts`)
    case 'cancel':
    case 'redrive':
    case 'discard':
      return faultOfRefs(change.messages)
    case 'restore':
      return faultOfRestored(change.message, limits)
    case 'ack':
    case 'retry':
    case 'release':
    case 'bury':
    case 'drop':
      return faultOfSettlement(change)
    default:
      return refuse(
        'unsupported',
        `do is ${quote((change as { readonly do?: unknown }).do)}: this engine knows no such change`,
      )
  }
}

function faultOfQueue(queue: unknown): Refusal | null {
  return typeof queue === 'string' && isQueueName(queue)
    ? null
    : refuse('invalid', `queue is ${quote(queue)}: it must be a name like 'inbox' or 'task:resize'`)
}

function faultOfTopic(topic: unknown): Refusal | null {
  return typeof topic === 'string' && isTopicName(topic)
    ? null
    : refuse('invalid', `topic is ${quote(topic)}: it must be 1 to 100 letters, digits, '.', '_' or '-'`)
}

function faultOfSent(message: Message, limits: EngineLimits): Refusal | null {
  const fault = faultOfMessage(message, limits.bodyBytes)
  return fault === null ? null : refuse('invalid', fault)
}

const NONE: readonly never[] = []

function faultOfKey(key: unknown, field: string): Refusal | null {
  return typeof key === 'string' && isRecordKey(key) && !isSettingsKey(key)
    ? null
    : refuse(
        'invalid',
        `${field} is ${quote(key)}: it must be 1 to 512 printable ASCII characters without spaces, and not begin with queue/, subscription/ or topic/`,
      )
}

export function faultOfPut(
  change: Extract<Change, { readonly do: 'put' }>,
  limits: Pick<EngineLimits, 'aliases' | 'recordBytes'>,
): Refusal | null {
  const { key, value, expiresAt, aliases = NONE } = change
  let odd = faultOfKey(key, 'key')
  for (const alias of aliases) odd ??= faultOfKey(alias, 'alias')
  if (odd !== null) return odd
  if (aliases.length > limits.aliases)
    return refuse('invalid', `there are ${aliases.length} aliases: at most ${limits.aliases} are allowed`)
  if (!(value instanceof Uint8Array)) return refuse('invalid', `value is ${quote(value)}: it must be bytes`)
  if (value.byteLength > limits.recordBytes)
    return refuse('invalid', `the value has ${value.byteLength} bytes: at most ${limits.recordBytes} are allowed`)
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    return refuse('invalid', `expiresAt is ${quote(expiresAt)}: it must be a time in ms since the epoch`)
  return null
}

function faultOfPick(settings: QueueSettings): Refusal | null {
  const fault = faultOfSettings(settings)
  if (fault !== null) return refuse('invalid', fault)
  if (settings.pick.by === 'deadline')
    return refuse('unsupported', `pick.by is 'deadline': this engine picks by 'fifo' and 'priority'`)
  if (settings.pick.fair !== undefined)
    return refuse('unsupported', 'pick.fair is set: this engine has no fair shares yet')
  return null
}

function faultOfRetention(retention: Retention | null): Refusal | null {
  const isSound =
    retention === null ||
    ((retention.ms === null || (Number.isFinite(retention.ms) && retention.ms >= 0)) &&
      Number.isSafeInteger(retention.count) &&
      retention.count >= 0)
  return isSound
    ? null
    : refuse(
        'invalid',
        `retention is ${quote(retention)}: it must be { ms, count }, ms null or a number, count a whole number of at least 0`,
      )
}

function faultOfBound(subscription: Subscription): Refusal | null {
  const fault = faultOfSubscription(subscription)
  if (fault !== null) return refuse('invalid', fault)
  if (JSON.stringify(subscription).length > SUBSCRIPTION_CHARACTERS)
    return refuse('invalid', `the subscription is larger than ${SUBSCRIPTION_CHARACTERS} characters as JSON`)
  return isReadFrom(subscription.from)
    ? null
    : refuse('invalid', `from is ${quote(subscription.from)}: it must be 'now', 'beginning', { at } or { position }`)
}

export function isReadFrom(from: unknown): boolean {
  if (from === 'now' || from === 'beginning') return true
  if (typeof from !== 'object' || from === null) return false
  return (
    ('at' in from && Number.isFinite(from.at)) ||
    ('position' in from && typeof from.position === 'string' && /^\d{1,16}$/.test(from.position))
  )
}

function faultOfRefs(refs: readonly MessageRef[]): Refusal | null {
  if (!Array.isArray(refs)) return refuse('invalid', `messages is ${quote(refs)}: it must be a list of { queue, id }`)
  const odd = refs.findIndex((ref) => typeof ref?.queue !== 'string' || typeof ref.id !== 'string')
  return odd === -1 ? null : refuse('invalid', `messages[${odd}] is ${quote(refs[odd])}: it must be { queue, id }`)
}

function faultOfSettlement(change: Settlement): Refusal | null {
  if (typeof change.token !== 'string')
    return refuse('stale', 'the token holds no lease: it was settled, or its lease has lapsed')
  if ((change.do === 'retry' || change.do === 'release') && !(change.delay && !faultOfWhen(change.delay)))
    return refuse(
      'invalid',
      `delay is ${quote(change.delay)}: it must be { afterMs } of at least 0 or { at } in ms since the epoch`,
    )
  if ((change.do === 'retry' || change.do === 'bury') && !isFailure(change.error))
    return refuse('invalid', `error is ${quote(change.error)}: it must have a code that is not empty and a message`)
  if (change.do === 'drop' && typeof change.reason !== 'string')
    return refuse('invalid', `reason is ${quote(change.reason)}: it must be a text`)
  return null
}

function faultOfRestored(stored: StoredMessage, limits: EngineLimits): Refusal | null {
  const fault = faultOfQueue(stored.queue) ?? faultOfSent(stored.message, limits)
  if (fault !== null) return fault
  if (stored.id !== stored.message.id)
    return refuse(
      'invalid',
      `id is ${quote(stored.id)} and message.id ${quote(stored.message.id)}: they must be the same`,
    )
  if (!STATES.includes(stored.state))
    return refuse('invalid', `state is ${quote(stored.state)}: it must be one of ${STATES.join(', ')}`)
  for (const field of ['acquired', 'failed', 'released'] as const) {
    if (!Number.isInteger(stored[field]) || stored[field] < 0 || stored[field] > MOST)
      return refuse('invalid', `${field} is ${quote(stored[field])}: it must be a whole number from 0 to ${MOST}`)
  }
  for (const field of ['readyAt', 'endedAt'] as const) {
    if (stored[field] !== null && !Number.isFinite(stored[field]))
      return refuse('invalid', `${field} is ${quote(stored[field])}: it must be a time in ms since the epoch, or null`)
  }
  if (stored.reason !== null && typeof stored.reason !== 'string')
    return refuse('invalid', `reason is ${quote(stored.reason)}: it must be a text, or null`)
  if (!Array.isArray(stored.failures) || !stored.failures.every(isFailure))
    return refuse(
      'invalid',
      `failures is ${quote(stored.failures)}: it must be a list of { at, code, message, delayMs }`,
    )
  return Number.isFinite(stored.sentAt)
    ? null
    : refuse('invalid', `sentAt is ${quote(stored.sentAt)}: it must be a time in ms since the epoch`)
}

export function isFailure(error: Failure | null | undefined): boolean {
  const { code, message, stack }: Partial<Failure> = error ?? {}
  return (
    typeof code === 'string' &&
    code !== '' &&
    typeof message === 'string' &&
    (stack === undefined || typeof stack === 'string')
  )
}
