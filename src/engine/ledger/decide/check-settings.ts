/** Whether records and settings may be changed: they must be sound, supported, and in the version that was asked for. */
import type { Change, Version } from '../../../core/engine.ts'
import { isOwnKey, isQueueName, isTopicName } from '../../../core/name.ts'
import { isRecordKey, isSettingsKey } from '../../../core/record.ts'
import {
  faultOfSettings,
  faultOfSubscription,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type QueueSettings,
  type Retention,
  type Subscription,
} from '../../../core/settings.ts'
import { refusalOfStore } from './check-message.ts'
import { toVersion, type Desk } from './desk.ts'
import { PENDING, type Overlay } from './overlay.ts'
import { quote, refuse, type Refusal } from './refusal.ts'
import { versionOf } from '../read/settings-record.ts'

type Expected = Version | null | undefined

/** What a subscription's patterns and filters may take as JSON. */
const SUBSCRIPTION_CHARACTERS = 65_536

export function refusalOfPut(
  desk: Desk,
  change: Extract<Change, { readonly do: 'put' }>,
  overlay: Overlay | null,
  isSettling: boolean,
): Refusal | null {
  const { key, value, expiresAt, aliases = [] } = change
  // The key of a record that is there has been looked at.
  const isKnown = typeof key === 'string' && desk.state.records.find(key) !== undefined
  if (!isKnown && !isUserKey(key)) return refusalOfKey('key', key)
  for (const alias of aliases) if (!isUserKey(alias)) return refusalOfKey('alias', alias)
  if (aliases.length > desk.limits.aliases)
    return refuse('invalid', `there are ${aliases.length} aliases: at most ${desk.limits.aliases} are allowed`)
  if (!(value instanceof Uint8Array)) return refuse('invalid', `value is ${quote(value)}: it must be bytes`)
  if (value.byteLength > desk.limits.recordBytes)
    return refuse('invalid', `the value has ${value.byteLength} bytes: at most ${desk.limits.recordBytes} are allowed`)
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    return refuse('invalid', `expiresAt is ${quote(expiresAt)}: it must be a time in ms since the epoch`)
  return (
    refusalOfVersion(desk, key, change.ifVersion, overlay) ??
    (isSettling ? null : (refusalOfNewRecord(desk, key) ?? (isOwnKey(key) ? null : refusalOfStore(desk)))) ??
    note(overlay, key, PENDING)
  )
}

export function refusalOfRemove(
  desk: Desk,
  key: string,
  ifVersion: Version | undefined,
  overlay: Overlay | null,
): Refusal | null {
  if (!isUserKey(key)) return refusalOfKey('key', key)
  return refusalOfVersion(desk, key, ifVersion, overlay) ?? note(overlay, key, null)
}

export function refusalOfConfigure(
  desk: Desk,
  queue: string,
  settings: QueueSettings,
  ifVersion: Expected,
  overlay: Overlay | null,
): Refusal | null {
  if (typeof queue !== 'string' || !isQueueName(queue))
    return refuse('invalid', `queue is ${quote(queue)}: it must be a name like 'inbox' or 'task:resize'`)
  const fault = faultOfSettings(settings)
  if (fault !== null) return refuse('invalid', fault)
  if (settings.pick.by === 'deadline')
    return refuse('unsupported', `pick.by is 'deadline': this engine picks by 'fifo' and 'priority'`)
  if (settings.pick.fair !== undefined)
    return refuse('unsupported', 'pick.fair is set: this engine has no fair shares yet')
  const refusal = refusalOfVersion(desk, settingsKey(queue), ifVersion, overlay) ?? refusalOfNewQueue(desk, queue)
  if (refusal === null) overlay?.settings.set(queue, settings)
  return refusal ?? note(overlay, settingsKey(queue), PENDING)
}

export function refusalOfRetain(
  desk: Desk,
  topic: string,
  retention: Retention | null,
  ifVersion: Expected,
  overlay: Overlay | null,
): Refusal | null {
  if (typeof topic !== 'string' || !isTopicName(topic))
    return refuse('invalid', `topic is ${quote(topic)}: it must be 1 to 100 letters, digits, '.', '_' or '-'`)
  if (retention !== null && !isRetention(retention))
    return refuse(
      'invalid',
      `retention is ${quote(retention)}: it must be { ms, count }, ms null or a number, count a whole number of at least 0`,
    )
  const refusal = refusalOfVersion(desk, topicKey(topic), ifVersion, overlay) ?? refusalOfNewTopic(desk, topic)
  if (refusal === null) overlay?.retains.set(topic, retention !== null)
  return refusal ?? note(overlay, topicKey(topic), PENDING)
}

export function refusalOfBind(
  desk: Desk,
  subscription: Subscription,
  ifVersion: Expected,
  overlay: Overlay | null,
): Refusal | null {
  const fault = faultOfSubscription(subscription)
  if (fault !== null) return refuse('invalid', fault)
  const { topic, name, from } = subscription
  if (JSON.stringify(subscription).length > SUBSCRIPTION_CHARACTERS)
    return refuse('invalid', `the subscription is larger than ${SUBSCRIPTION_CHARACTERS} characters as JSON`)
  if (!isReadFrom(from))
    return refuse('invalid', `from is ${quote(from)}: it must be 'now', 'beginning', { at } or { position }`)
  const key = subscriptionKey(topic, name)
  const isKnown = currentVersion(desk, key, overlay) !== null
  const keeps = overlay?.retains.get(topic) ?? (desk.state.topicByName.get(topic)?.log ?? null) !== null
  if (!isKnown && from !== 'now' && !keeps)
    return refuse(
      'unsupported',
      `from is ${quote(from)}, but topic '${topic}' keeps no events: it can only begin 'now'`,
    )
  if (!isKnown && desk.state.subscriptions.size >= desk.limits.subscriptions)
    return refuse(
      'full',
      `there are ${desk.state.subscriptions.size} subscriptions: the engine holds at most ${desk.limits.subscriptions}`,
    )
  const refusal =
    refusalOfVersion(desk, key, ifVersion, overlay) ??
    refusalOfNewTopic(desk, topic) ??
    refusalOfNewQueue(desk, subscriptionQueue(topic, name))
  return refusal ?? note(overlay, key, PENDING)
}

/** Nothing can refuse an unbind: what is not there stays so. */
export function noteUnbind(topic: string, name: string, overlay: Overlay | null): null {
  return note(overlay, subscriptionKey(topic, name), null)
}

export function isReadFrom(from: unknown): boolean {
  if (from === 'now' || from === 'beginning') return true
  if (typeof from !== 'object' || from === null) return false
  return (
    ('at' in from && Number.isFinite(from.at)) ||
    ('position' in from && typeof from.position === 'string' && /^\d{1,16}$/.test(from.position))
  )
}

function refusalOfKey(what: 'key' | 'alias', text: unknown): Refusal {
  return refuse(
    'invalid',
    `${what} is ${quote(text)}: it must be 1 to 512 printable ASCII characters without spaces, and not begin with queue/, subscription/ or topic/`,
  )
}

function isUserKey(key: unknown): boolean {
  return typeof key === 'string' && isRecordKey(key) && !isSettingsKey(key)
}

function isRetention({ ms, count }: Retention): boolean {
  return (ms === null || (Number.isFinite(ms) && ms >= 0)) && Number.isSafeInteger(count) && count >= 0
}

function currentVersion(desk: Desk, key: string, overlay: Overlay | null): string | null | typeof PENDING {
  const noted = overlay?.versions.get(key)
  if (noted !== undefined) return noted
  const version = versionOf(desk.state, key, desk.wall)
  return version === 0 ? null : toVersion(version)
}

function refusalOfVersion(desk: Desk, key: string, expected: Expected, overlay: Overlay | null): Refusal | null {
  if (expected === undefined) return null
  const current = currentVersion(desk, key, overlay)
  if (current === expected) return null
  const is =
    current === null
      ? 'does not exist'
      : current === PENDING
        ? 'is changed by this commit'
        : `has version ${quote(current)}`
  return refuse('conflict', `'${key}' ${is}, but ifVersion is ${quote(expected)}`)
}

function refusalOfNewRecord({ state, limits }: Desk, key: string): Refusal | null {
  const { size } = state.records.rows
  if (size < limits.records || state.records.find(key) !== undefined) return null
  return refuse('full', `there are ${size} records: the engine holds at most ${limits.records}`)
}

function refusalOfNewQueue({ state, limits }: Desk, queue: string): Refusal | null {
  if (state.queues.size < limits.queues || state.queueByName.has(queue)) return null
  return refuse('full', `there are ${state.queues.size} queues: the engine holds at most ${limits.queues}`)
}

function refusalOfNewTopic({ state, limits }: Desk, topic: string): Refusal | null {
  if (state.topics.size < limits.topics || state.topicByName.has(topic)) return null
  return refuse('full', `there are ${state.topics.size} topics: the engine holds at most ${limits.topics}`)
}

function note(overlay: Overlay | null, key: string, version: null | typeof PENDING): null {
  overlay?.versions.set(key, version)
  return null
}
