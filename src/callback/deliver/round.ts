/** One endpoint as it is delivered to, and what its deliveries need of the process. Types only; `served-endpoint.ts` is the one. */
import type { Dispatcher } from 'undici'
import type { Clock } from '../../core/clock.ts'
import type { Histogram } from '../../core/histogram.ts'
import type { Ids, Random } from '../../core/id.ts'
import type { Address } from '../call/exchange.ts'
import type { TimeLimits } from '../call/time-limit.ts'
import type { AttemptRing } from '../endpoint/attempt.ts'
import type { StoredEndpoint } from '../endpoint/endpoint.ts'
import type { CallbackProfile } from '../profile/profile.ts'
import type { Pen } from '../sign/pen.ts'
import type { BodyCache } from './body-cache.ts'
import type { EndpointGate } from './gate.ts'

export interface CourierDeps {
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly agent: Pick<Dispatcher, 'dispatch'>
  readonly timeLimits: TimeLimits
  readonly bodies: BodyCache
  readonly source: string
  /** DNS name that CloudEvents WebHook asks senders to give. */
  readonly origin: string
  /** From the publish to the acknowledgement. */
  readonly delays: Histogram
  /** Who stops gives the message back, and the call ends with the agent. */
  readonly signal: null
}

/** One endpoint as it is delivered to. */
export interface Round {
  readonly endpoint: StoredEndpoint
  readonly profile: CallbackProfile
  readonly attempts: number
  readonly delaysMs: readonly number[]
  readonly gate: EndpointGate
  readonly ring: AttemptRing
  /** Of its URL. */
  readonly address: Address
  /** At once where it is at hand. @param at wall time now */
  pen(at: number): Pen | Promise<Pen>
  /** The topic whose events a queue of it holds; null for its own queue. */
  topicOf(queue: string): string | null
  /** @throws PosthornError `callback-not-allowed` */
  checkUrl(): void
  /** Told what the receiver's answers mean for the endpoint as a whole. */
  tell(what: 'gone' | 'opened' | 'failed' | 'recovered' | 'delivered', sentAt: number, url: string): void
}
