/** Administration of a topic on an engine: the calls of `TopicControl` as reads and commits. */
import { belongingKey } from '../core/belonging.ts'
import type { Clock } from '../core/clock.ts'
import type { Engine, Page, QueueDepth } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { fromJsonBytes } from '../core/json.ts'
import { checkSubscriptionName, checkTopicName, partsOfAppName } from '../core/name.ts'
import { checkKnown, invalidOption } from '../core/option.ts'
import type { StoredRecord } from '../core/record.ts'
import {
  subscriptionKey,
  subscriptionQueue,
  topicKey,
  type Retention,
  type StoredSubscription,
} from '../core/settings.ts'
import { resolveRetention, type RetainOptions } from './contract.ts'
import type { ReadOptions, RetainedView, SubscriptionView, TopicControl, UnsubscribeOptions } from './control.ts'
import { commit } from './declare.ts'
import { resolveSubscription, toReadFrom } from './subscribe.ts'

export interface ControlDeps {
  readonly engine: Engine
  readonly clock: Clock
}

const PAGE = 50
const LONGEST_PAGE = 500
const IDLE_MS = 24 * 3_600_000

/** @throws PosthornError `invalid-name` */
export function createTopicControl(deps: ControlDeps, name: string): TopicControl {
  return new Control(deps, checkTopicName(name, 'the name of the topic'))
}

class Control implements TopicControl {
  readonly name: string
  readonly #deps: ControlDeps

  constructor(deps: ControlDeps, name: string) {
    this.name = name
    this.#deps = deps
  }

  async retention(): Promise<Retention | null> {
    const [stored = null] = await this.#deps.engine.get([topicKey(this.name)])
    return stored === null ? null : (fromJsonBytes(stored.value) as Retention | null)
  }

  async retain(options: RetainOptions | null): Promise<void> {
    const retention = resolveRetention('retain', options)
    await commit(this.#deps.engine, { do: 'retain', topic: this.name, retention })
  }

  async read(options: ReadOptions = {}): Promise<Page<RetainedView>> {
    checkKnown('read', options, ['from', 'limit'])
    const { from = 'beginning', limit } = options
    const { items, next } = await this.#deps.engine.read({
      topic: this.name,
      from: toReadFrom('read', from),
      limit: checkLimit('read', limit),
    })
    return {
      items: items.map(({ position, message }) => ({
        position,
        event: message.event,
        ...(message.key === undefined ? {} : { key: message.key }),
        message,
      })),
      next,
    }
  }

  async subscriptions(options: Parameters<TopicControl['subscriptions']>[0] = {}): Promise<Page<SubscriptionView>> {
    checkKnown('subscriptions', options, ['after', 'limit'])
    return listSubscriptions(
      this.#deps,
      `${this.name}/`,
      options.after ?? null,
      checkLimit('subscriptions', options.limit),
    )
  }

  async subscription(name: string): Promise<SubscriptionView | null> {
    const [stored = null] = await this.#deps.engine.get([subscriptionKey(this.name, name)])
    return stored === null ? null : ((await viewsOf(this.#deps, [stored]))[0] ?? null)
  }

  async subscribe(name: string, options: Parameters<TopicControl['subscribe']>[1] = {}): Promise<void> {
    checkSubscriptionName(name, 'the name of the subscription')
    const field = `subscribe(${this.name}, ${name})`
    checkKnown(field, options, ['types', 'filters', 'from', 'order'])
    const { types = [], ...rest } = options
    if (!Array.isArray(types)) throw invalidOption(field, 'types', types, "a list of patterns like 'order.*'")
    const subscription = resolveSubscription(this.name, name, types, rest, field)
    await commit(this.#deps.engine, { do: 'bind', subscription })
  }

  async unsubscribe(name: string, options: UnsubscribeOptions = {}): Promise<boolean> {
    checkKnown('unsubscribe', options, ['force'])
    const view = await this.subscription(name)
    if (view === null) return false
    if (view.lag > 0 && options.force !== true)
      throw new PosthornError(
        'subscription-backlog',
        `subscription '${name}' of topic '${this.name}' still has ${view.lag} events: have them handled, or discard them with force`,
        { details: { topic: this.name, subscription: name, lag: view.lag } },
      )
    const of = partsOfAppName(name)
    const belonging = of === null ? null : belongingKey(of.app, 'subscription', `${this.name}/${of.name}`)
    const [result] = await this.#deps.engine.commit([
      {
        changes: [
          { do: 'unbind', topic: this.name, name },
          ...(belonging === null ? [] : [{ do: 'remove', key: belonging } as const]),
        ],
      },
    ])
    if (result?.status === 'refused') throw new PosthornError(result.code, result.detail)
    return true
  }
}

/** @param prefix of `TOPIC/NAME`; '' for all topics */
export async function listSubscriptions(
  deps: ControlDeps,
  prefix: string,
  after: string | null,
  limit: number,
): Promise<Page<SubscriptionView>> {
  const { items, next } = await deps.engine.list({ prefix: `subscription/${prefix}`, after, limit })
  return { items: await viewsOf(deps, items), next }
}

async function viewsOf({ engine, clock }: ControlDeps, records: readonly StoredRecord[]): Promise<SubscriptionView[]> {
  const found = records.map(({ value, version }) => ({ stored: fromJsonBytes(value) as StoredSubscription, version }))
  const depths = await engine.depth(found.map(({ stored: { topic, name } }) => subscriptionQueue(topic, name)))
  const byQueue = new Map(depths.map((depth) => [depth.queue, depth]))
  return found.map(({ stored, version }) => toView(stored, version, byQueue, clock.wallMs()))
}

function toView(
  { topic, name, types, filters, order, status, gaps }: StoredSubscription,
  version: string,
  depths: ReadonlyMap<string, QueueDepth>,
  nowMs: number,
): SubscriptionView {
  const queue = subscriptionQueue(topic, name)
  const depth = depths.get(queue)
  const { arrived = 0, ready = 0, held = 0, delayed = 0, leased = 0, dead = 0, oldestReadyAt = null } = depth ?? {}
  return {
    topic,
    name,
    queue,
    types,
    filters,
    order,
    status,
    gaps: gaps.map(({ from, to, count }) => ({ from: toDate(from), to: toDate(to), count })),
    lag: arrived + ready + held + delayed + leased,
    dead,
    waitingSince: oldestReadyAt === null ? null : toDate(oldestReadyAt),
    idle: oldestReadyAt !== null && leased === 0 && nowMs - oldestReadyAt >= IDLE_MS,
    version,
  }
}

/** Engine time is fractional; no date is. */
const toDate = (ms: number): Date => new Date(Math.floor(ms))

function checkLimit(field: string, limit: number | undefined): number {
  if (limit === undefined) return PAGE
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw invalidOption(field, 'limit', limit, `a whole number from 1 to ${LONGEST_PAGE}`)
  return Math.min(limit, LONGEST_PAGE)
}
