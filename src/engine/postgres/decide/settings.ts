/** Changes of what is durable about queues, topics and subscriptions. */
import type { ChangeResult, Version } from '../../../core/engine.ts'
import { isQueueName, isSubscriptionName, isTopicName } from '../../../core/name.ts'
import {
  DEFAULT_SUBSCRIPTION_QUEUE,
  faultOfSettings,
  faultOfSubscription,
  settingsKey,
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type QueueSettings,
  type ReadFrom,
  type Retention,
  type Subscription,
} from '../../../core/settings.ts'
import { isReadFrom } from '../../sql/check.ts'
import type { Bound, Topic } from '../row/row.ts'
import { firstEvent, forgetAll } from './retained.ts'
import type { Work } from '../unit/unit-of-work.ts'
import { setBound } from './bound.ts'
import { feed } from './feed.ts'
import { checked, putSettings, toVersion } from './record.ts'
import { quote } from '../../sql/refusal.ts'
import { refuse } from './refusal.ts'
import { use } from './insert.ts'
import { beginAnew } from './trim.ts'
import { discardSome } from './unbound.ts'

type Expected = Version | null | undefined

/** What a subscription's patterns and filters may take as JSON. */
const SUBSCRIPTION_CHARACTERS = 65_536

export async function configure(
  work: Work,
  name: string,
  settings: QueueSettings,
  ifVersion: Expected,
): Promise<ChangeResult> {
  if (typeof name !== 'string' || !isQueueName(name))
    refuse('invalid', `queue is ${quote(name)}: it must be a name like 'inbox' or 'task:resize'`)
  const fault = faultOfSettings(settings)
  if (fault !== null) refuse('invalid', fault)
  if (settings.pick.by === 'deadline')
    refuse('unsupported', `pick.by is 'deadline': this engine picks by 'fifo' and 'priority'`)
  if (settings.pick.fair !== undefined) refuse('unsupported', 'pick.fair is set: this engine has no fair shares yet')
  await checked(work, settingsKey(name), ifVersion)
  const queue = await work.makeQueue(name, settings)
  // What is kept is looked at anew, in the light of the new settings.
  work.undo.set(queue, { settings, isFuller: true, houseAt: work.now, usedAt: work.now })
  work.touched.add(queue)
  if (!settings.paused) work.hints.push({ queue: name })
  return putSettings(work, settingsKey(name), settings)
}

export async function retain(
  work: Work,
  name: string,
  retention: Retention | null,
  ifVersion: Expected,
): Promise<ChangeResult> {
  if (typeof name !== 'string' || !isTopicName(name))
    refuse('invalid', `topic is ${quote(name)}: it must be 1 to 100 letters, digits, '.', '_' or '-'`)
  if (retention !== null && !isRetention(retention))
    refuse(
      'invalid',
      `retention is ${quote(retention)}: it must be { ms, count }, ms null or a number, count a whole number of at least 0`,
    )
  await checked(work, topicKey(name), ifVersion)
  const topic = await work.topic(name)
  if (retention === null) await forgetAll(work, topic)
  work.undo.set(topic, { retention, houseAt: work.now })
  if (retention === null) await releaseWaiting(work, topic)
  return putSettings(work, topicKey(name), retention)
}

/** Nobody is owed anything any more. Who was catching up follows live at once, so as not to miss what is published next. */
async function releaseWaiting(work: Work, topic: Topic): Promise<void> {
  for (const bound of topic.subscriptions.lagging()) {
    await setBound(work, bound, { cursor: null, status: bound.status === 'catching-up' ? 'live' : bound.status })
  }
}

export async function bind(work: Work, definition: Subscription, ifVersion: Expected): Promise<ChangeResult> {
  checkSubscription(definition)
  const { topic: topicName, name, from, order } = definition
  const key = subscriptionKey(topicName, name)
  const topic = await work.topic(topicName)
  const known = topic.subscriptions.find(name)
  if (known === null && from !== 'now' && topic.retention === null)
    refuse('unsupported', `from is ${quote(from)}, but topic '${topicName}' keeps no events: it can only begin 'now'`)
  await checked(work, key, ifVersion)
  const queue = await work.makeQueue(subscriptionQueue(topicName, name), DEFAULT_SUBSCRIPTION_QUEUE)
  await beginAnew(work, queue)
  work.undo.set(queue, { isUnbound: false, lineBy: order })
  await work.reserve(2)
  const version = work.serial()
  if (known !== null) await setBound(work, known, { definition, version })
  else {
    const cursor = await cursorOf(work, topic, from)
    const bound: Bound = {
      topic: topicName,
      name,
      number: work.serial(),
      version,
      definition,
      status: cursor === null ? 'live' : 'catching-up',
      cursor,
      hasGap: false,
      gaps: [],
      isStored: false,
      isGone: false,
      isDirty: true,
    }
    topic.subscriptions.add(bound)
    await setBound(work, bound, {})
    if (cursor !== null) await feed(work, bound)
  }
  return { version: toVersion(version) }
}

export async function unbind(work: Work, topicName: string, name: string): Promise<null> {
  if (!isTopicName(topicName) || !isSubscriptionName(name)) return null
  const topic = await work.topic(topicName)
  const bound = topic.subscriptions.find(name)
  if (bound === null) return null
  const queue = await work.makeQueue(subscriptionQueue(topicName, name), DEFAULT_SUBSCRIPTION_QUEUE)
  work.undo.set(bound, { isGone: true })
  topic.subscriptions.remove(bound)
  if (bound.isStored) work.undo.push(work.goneBounds, bound)
  const record = await work.record(subscriptionKey(topicName, name))
  work.undo.set(record, { isThere: false })
  work.hints.push({ key: subscriptionKey(topicName, name) })
  work.undo.set(queue, { isUnbound: true, isLagging: false, houseAt: work.now })
  use(work, queue)
  await discardSome(work, queue, work.limits.sweep)
  return null
}

function checkSubscription(definition: Subscription): void {
  const fault = faultOfSubscription(definition)
  if (fault !== null) refuse('invalid', fault)
  if (JSON.stringify(definition).length > SUBSCRIPTION_CHARACTERS)
    refuse('invalid', `the subscription is larger than ${SUBSCRIPTION_CHARACTERS} characters as JSON`)
  if (!isReadFrom(definition.from))
    refuse('invalid', `from is ${quote(definition.from)}: it must be 'now', 'beginning', { at } or { position }`)
}

function isRetention({ ms, count }: Retention): boolean {
  return (ms === null || (Number.isFinite(ms) && ms >= 0)) && Number.isSafeInteger(count) && count >= 0
}

/** The position after which it begins; null: with the next event. */
async function cursorOf(work: Work, topic: Topic, from: ReadFrom): Promise<number | null> {
  if (from === 'now' || topic.retention === null) return null
  const first = await firstEvent(work, topic, from)
  return first === null ? null : first.position - 1
}
