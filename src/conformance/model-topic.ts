/**
 * The half of the oracle that knows topics: what they keep, who gets what, who is suspended and what he missed.
 * It puts messages into queues and knows nothing else of them.
 */
import { compileFilters, compileTypes } from '../core/filter.ts'
import { toJsonBytes } from '../core/json.ts'
import * as core from '../core/message.ts'
import { EVENTS_TOPIC } from '../core/name.ts'
import * as settings from '../core/settings.ts'
import type * as model from './model-state.ts'
import { after } from './model-time.ts'

/** What the other half does for this one. */
export interface Queues {
  readonly nowMs: number
  readonly state: model.State
  nextSerial(): number
  queue(name: string): model.Queue
  livingIn(queue: string): number
  isFull(queue: string, message: core.Message): boolean
  insert(queue: string, message: core.Message): { readonly duplicate: boolean }
}

const KEPT_GAPS = 20
const NOTHING: settings.Retention = { ms: null, count: 0 }
const queueOf = ({ topic, name }: model.Subscription): string => settings.subscriptionQueue(topic, name)
const wants = ({ types, filters }: model.Subscription, { event }: core.Message): boolean =>
  compileTypes(types)(event.type) && compileFilters(filters)(event)

export class Topics {
  readonly #queues: Queues

  constructor(queues: Queues) {
    this.#queues = queues
  }

  /** How many queues it was put into. */
  publish(topic: string, message: core.Message): number {
    const { nowMs, state } = this.#queues
    const kept = this.kept(topic)
    const event = { position: this.#queues.nextSerial(), at: nowMs, message }
    if (kept) kept.events = [...kept.events, event]
    const wanting = state.subscriptions.filter((each) => each.topic === topic && wants(each, message))
    return wanting.filter((each) => this.#route(each, event, kept !== undefined)).length
  }

  retain(topic: string, retention: settings.Retention | null): void {
    const { topics, subscriptions } = this.#queues.state
    const kept = this.kept(topic) ?? { name: topic, retention: NOTHING, events: [] }
    if (!retention) this.#forget(kept, 0)
    for (const each of subscriptions) if (each.topic === topic && !retention) each.cursor = null
    topics.splice(0, Infinity, ...topics.filter((each) => each !== kept))
    if (retention) topics.push({ ...kept, retention })
  }

  /** False where it is to begin in the past of a topic that keeps none. */
  bind(subscription: settings.Subscription): boolean {
    const { topic, name, from } = subscription
    const [kept, known] = [this.kept(topic), this.bound(topic, name)]
    const isAfter = ({ at, position }: model.Event, start: object) =>
      'at' in start ? at >= Number(start.at) : 'position' in start && position > Number(start.position)
    const isOwed = (event: model.Event) => from === 'beginning' || (from !== 'now' && isAfter(event, from))
    const cursor = kept?.events.find(isOwed)?.position ?? null
    const begin = { gaps: [], hasGap: false, cursor, status: cursor === null ? 'live' : 'catching-up' } as const
    if (known) Object.assign(known, subscription)
    else this.#queues.state.subscriptions.push({ ...subscription, ...begin })
    return known !== undefined || from === 'now' || kept !== undefined
  }

  kept(topic: string): model.Topic | undefined {
    return this.#queues.state.topics.find(({ name }) => name === topic)
  }

  bound(topic: string, name: string): model.Subscription | undefined {
    return this.#queues.state.subscriptions.find((each) => each.topic === topic && each.name === name)
  }

  /** What is too old or too much is forgotten. */
  sweep(): void {
    for (const topic of this.#queues.state.topics) this.#forget(topic, topic.retention.count)
  }

  /** A suspended subscription goes on once its queue is below half its limit; on a kept topic with what it missed. */
  catchUp(each: model.Subscription): void {
    const queue = queueOf(each)
    const isSuspended = each.status === 'suspended'
    const limit = this.#queues.queue(queue).settings.limit.messages ?? Infinity
    if (each.status === 'live' || (isSuspended && this.#queues.livingIn(queue) * 2 >= limit)) return
    const kept = this.kept(each.topic)?.events ?? []
    const owed = kept.filter((event) => event.position >= (each.cursor ?? Infinity) && wants(each, event.message))
    const missed = owed.find(({ message }) => {
      return this.#queues.isFull(queue, message) || !this.#queues.insert(queue, message)
    })
    Object.assign(each, missed ? { status: 'suspended', cursor: missed.position } : { status: 'live', cursor: null })
    if (isSuspended && !missed) this.#tell('resumed')
  }

  /** Into the queue. If that is full it is suspended: on a kept topic it remembers where, else it notes the gap. */
  #route(to: model.Subscription, event: model.Event, isKept: boolean): boolean {
    const queue = queueOf(to)
    const isLive = to.status === 'live'
    if (isLive && !this.#queues.isFull(queue, event.message))
      return !this.#queues.insert(queue, event.message).duplicate
    if (isLive) Object.assign(to, { status: 'suspended', cursor: null, hasGap: false })
    if (isKept) to.cursor ??= event.position
    else this.#miss(to, event)
    if (isLive) this.#tell('suspended')
    return false
  }

  #tell(what: 'suspended' | 'resumed'): void {
    this.publish(EVENTS_TOPIC, made(this.#queues.nextSerial(), `posthorn.subscription.${what}`, null))
  }

  #miss(to: model.Subscription, { at, message }: model.Event): void {
    if (!wants(to, message)) return
    if (!to.hasGap) to.gaps = [...to.gaps, { from: at, to: at, count: 0 }].slice(-KEPT_GAPS)
    to.gaps = to.gaps.map((gap) => (gap === to.gaps.at(-1) ? { ...gap, to: at, count: gap.count + 1 } : gap))
    to.hasGap = true
  }

  /** What a topic keeps no longer is a gap for those who were still owed it. */
  #forget({ name, events, retention: { ms } }: model.Topic, count: number): void {
    const isGone = ({ at }: model.Event, place: number) =>
      events.length - place > count || after(at, ms) <= this.#queues.nowMs
    const gone = events.filter(isGone)
    if (gone.length > 0) this.kept(name)!.events = events.slice(gone.length)
    for (const each of this.#queues.state.subscriptions.filter(({ topic }) => topic === name)) {
      for (const event of gone) if (event.position >= (each.cursor ?? Infinity)) this.#miss(each, event)
    }
  }
}

/** A message of the engine's own: about an ended message, or an operational event. */
export function made(serial: number, type: string, about: object | null): core.Message {
  const event = { id: `made-${serial}`, source: 'posthorn:engine', type, datacontenttype: 'application/json' }
  return { id: event.id, event, body: toJsonBytes(about), priority: core.DEFAULT_PRIORITY }
}
