/** The topic on which Posthorn tells of itself: for operators' own alarms. Users subscribe to it; engines alone publish. */
import { EVENTS_TOPIC } from '../core/name.ts'
import type { Schema } from '../core/schema.ts'
import { brandTopic, defineEvent } from '../task/index.ts'
import type { Topic } from './contract.ts'

/** A subscription over its limit gets nothing more until its queue is below half of it. */
export interface SubscriptionNotice {
  readonly topic: string
  readonly name: string
  readonly queue: string
  /** Engine time, ms since the epoch. */
  readonly at: number
  /** What its queue holds. */
  readonly messages: number
  readonly bytes: number
}

/** An endpoint that several calls in a row did not reach; that gets nothing more until it is enabled again; that is reached again. */
export interface EndpointNotice {
  readonly endpoint: string
  readonly app: string | null
  /** Of its URL. */
  readonly origin: string
  /** Wall time, ms since the epoch. */
  readonly at: number
  /** Since when it fails, or did. */
  readonly since: number
  /** Of a disabled one. gone: it answered 410 · failing: for too long. */
  readonly reason: 'gone' | 'failing' | null
}

export interface SystemEvents {
  readonly 'posthorn.subscription.suspended': SubscriptionNotice
  readonly 'posthorn.subscription.resumed': SubscriptionNotice
  readonly 'posthorn.endpoint.failing': EndpointNotice
  readonly 'posthorn.endpoint.disabled': EndpointNotice
  readonly 'posthorn.endpoint.recovered': EndpointNotice
}

const TYPES: readonly (keyof SystemEvents)[] = [
  'posthorn.subscription.suspended',
  'posthorn.subscription.resumed',
  'posthorn.endpoint.failing',
  'posthorn.endpoint.disabled',
  'posthorn.endpoint.recovered',
]

/** Engines make them, and are tested to make them right. */
const asItIs: Schema = { '~standard': { version: 1, vendor: 'posthorn', validate: (value) => ({ value }) } }

export const systemEvents: Topic<typeof EVENTS_TOPIC, { readonly [T in keyof SystemEvents]: never }, SystemEvents> =
  brandTopic(EVENTS_TOPIC, {
    name: EVENTS_TOPIC,
    events: new Map(
      TYPES.map((type) => [
        type,
        defineEvent({
          topic: EVENTS_TOPIC,
          type,
          schema: asItIs,
          version: undefined,
          upcast: undefined,
          key: null,
          group: null,
          dedupe: null,
        }),
      ]),
    ),
    retention: undefined,
  })
