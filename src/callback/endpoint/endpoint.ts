/**
 * What is stored of an endpoint: where events go, which, in what form and how fast. Its events wait in the queues of its
 * subscriptions, and in one of its own for what is sent to it alone; its secrets are another record, sealed.
 */
import type { Filter } from '../../core/filter.ts'
import { endpointQueue, partsOfAppName, spaceOf } from '../../core/name.ts'
import { subscriptionQueue } from '../../core/settings.ts'
import { ENDPOINT_NOTE } from '../../operation/index.ts'
import type { CustomProfile, EndpointRetry, ProfileName } from '../profile/profile.ts'

export interface EndpointSubscription {
  readonly topic: string
  /** Patterns of event types; none: every type. */
  readonly types: readonly string[]
  /** All must pass. */
  readonly filters: readonly Filter[]
}

export interface EndpointSettings {
  readonly url: string
  readonly description: string
  readonly app: string | null
  readonly subscriptions: readonly EndpointSubscription[]
  readonly profile: ProfileName | CustomProfile
  /** How Standard Webhooks are signed: `v1` with the endpoint's secret, `v1a` with the platform's Ed25519 key. */
  readonly signature: 'v1' | 'v1a' | 'both'
  readonly order: 'none' | 'key' | 'strict'
  /** Attempts a second; null: no limit but the receiver's own. */
  readonly ratePerSecond: number | null
  /** Attempts at once, at most. */
  readonly concurrency: number
  /** For one whole exchange; null: the profile's. */
  readonly timeoutMs: number | null
  /** null: the profile's. */
  readonly retry: EndpointRetry | null
  readonly payload: 'full' | 'thin'
  readonly enabled: boolean
  /** With which what waited while it was disabled is sent; null: as all else. */
  readonly drainPerSecond: number | null
  /** The queue that gets each receiver's answer; null: none. */
  readonly answerTo: string | null
}

/** Why it gets nothing, though nobody switched it off. */
export interface Disabled {
  readonly reason: 'gone' | 'failing'
  /** Wall time. */
  readonly at: number
}

export interface Verified {
  readonly by: 'handshake' | 'challenge'
  readonly at: number
  /** What the receiver granted; null: as many as it likes. */
  readonly ratePerMinute: number | null
  /** It has not said no, and may consent later, by calling the address that it was given: until then it is not verified. */
  readonly pending?: true | undefined
  /** Of consent that came later: when it was asked for. */
  readonly askedAt?: number | undefined
}

export interface StoredEndpoint extends EndpointSettings {
  readonly id: string
  /** Tells it from another that had the same id before. */
  readonly incarnation: string
  readonly disabled: Disabled | null
  readonly verified: Verified | null
  /** Wall time since when no attempt has succeeded; null: the last one did, or none was made. */
  readonly failingSince: number | null
  /** Wall time at which it was enabled again. */
  readonly resumedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

export const ENDPOINT_PREFIX = 'system/endpoint/'
export const endpointKey = (id: string): string => ENDPOINT_PREFIX + id

/** The subscription that fills the endpoint's queue of a topic. That of an app's endpoint is in the app's space, as its id is. */
export function subscriptionName(id: string): string {
  const parts = partsOfAppName(id)
  return parts === null ? `endpoint.${id}` : `${spaceOf(parts.app)}endpoint.${parts.name}`
}

export const topicQueue = (topic: string, id: string): string => subscriptionQueue(topic, subscriptionName(id))

/** All that hold something for it: its own first. */
export function queuesOf({ id, subscriptions }: Pick<StoredEndpoint, 'id' | 'subscriptions'>): readonly string[] {
  return [endpointQueue(id), ...subscriptions.map(({ topic }) => topicQueue(topic, id))]
}

/** The topic whose events a queue of an endpoint holds; null for its own queue. */
export function topicOf(queue: string): string | null {
  return /^topic:(.+?):(app:[^:]+:)?[^:]+$/.exec(queue)?.[1] ?? null
}

/** For what is sent to this endpoint alone: one that has its id later is not to get it. */
export const notesFor = ({ incarnation }: Pick<StoredEndpoint, 'incarnation'>): Readonly<Record<string, string>> => ({
  [ENDPOINT_NOTE]: incarnation,
})

/** Whether a message with these notes is for this endpoint, and not for one that had its id before. */
export function isFor({ incarnation }: StoredEndpoint, notes: Readonly<Record<string, string>> = {}): boolean {
  return notes[ENDPOINT_NOTE] === undefined || notes[ENDPOINT_NOTE] === incarnation
}

export const isActive = ({ enabled, disabled }: StoredEndpoint): boolean => enabled && disabled === null
