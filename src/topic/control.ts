/** Administration of one topic: what it keeps, who is subscribed and how far they are. */
import type { Page, Version } from '../core/engine.ts'
import type { Filter } from '../core/filter.ts'
import type { EventAttributes, Message } from '../core/message.ts'
import type { RetainOptions } from './contract.ts'
import type { From, SubscriptionOptions } from './subscribe.ts'

export interface SubscriptionView {
  readonly topic: string
  readonly name: string
  /** Where its events wait: administer it with `post.queue(queue)`. */
  readonly queue: string
  /** Patterns of event types; none: every type. */
  readonly types: readonly string[]
  readonly filters: readonly Filter[]
  readonly order: 'none' | 'key' | 'strict'
  /** live: gets what is published · catching-up: is fed what its topic kept · suspended: over its limit. */
  readonly status: 'live' | 'catching-up' | 'suspended'
  /** What it missed for good, the latest twenty. */
  readonly gaps: readonly Gap[]
  /** Events that wait or are being handled. */
  readonly lag: number
  readonly dead: number
  /** Since when the oldest has been ready; null where none is. */
  readonly waitingSince: Date | null
  /** Nobody has taken what has been ready for a day. `unsubscribe` ends a name that nobody uses any more. */
  readonly idle: boolean
  readonly version: Version
}

export interface Gap {
  readonly from: Date
  readonly to: Date
  readonly count: number
}

export interface RetainedView {
  /** Opaque; for `from: { position }` and `after`. */
  readonly position: string
  readonly event: EventAttributes
  readonly key?: string | undefined
  readonly message: Message
}

export interface ReadOptions {
  /** Default 'beginning'. `position`: with what came after it. */
  readonly from?: Exclude<From, 'now'> | undefined
  /** Default 50, at most 500. */
  readonly limit?: number | undefined
}

export interface UnsubscribeOptions {
  /** Also if events still wait: they are discarded. */
  readonly force?: boolean | undefined
}

export interface TopicControl {
  readonly name: string
  /** What it keeps; null: nothing. */
  retention(): Promise<{ readonly ms: number | null; readonly count: number } | null>
  /** Keeps events from now on; null: keeps none, and forgets those it has. @throws PosthornError `unsupported` */
  retain(options: RetainOptions | null): Promise<void>
  /** What it keeps, in order. A page's `next` is a position to go on from. @throws PosthornError `unsupported` for a topic that keeps nothing */
  read(options?: ReadOptions): Promise<Page<RetainedView>>
  /** By name. */
  subscriptions(options?: {
    readonly after?: string | null | undefined
    /** Default 50, at most 500. */
    readonly limit?: number | undefined
  }): Promise<Page<SubscriptionView>>
  subscription(name: string): Promise<SubscriptionView | null>
  /** Begins or changes a subscription that no handler here declares: others lease its queue. @throws PosthornError `invalid-option`, `unsupported` */
  subscribe(
    name: string,
    options?: SubscriptionOptions & { readonly types?: readonly string[] | undefined },
  ): Promise<void>
  /** Ends a subscription. Whether there was one. @throws PosthornError `subscription-backlog` where events still wait and `force` is not given */
  unsubscribe(name: string, options?: UnsubscribeOptions): Promise<boolean>
}
