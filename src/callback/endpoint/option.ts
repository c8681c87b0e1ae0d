/** What a platform says of an endpoint: all that can be said, with what holds where nothing is. */
import type { Duration } from '../../core/duration.ts'
import type { Filter } from '../../core/filter.ts'
import type { Topic } from '../../topic/index.ts'
import type { Ack } from '../profile/ack.ts'
import type { CustomProfile, ProfileName } from '../profile/profile.ts'
import type { SecretValue } from '../secret/secret.ts'

export interface EndpointRetryOptions {
  /** Default: one more than there are delays. */
  readonly attempts?: number | undefined
  /** How long to wait after each failed attempt; the last counts for all that follow. */
  readonly delays?: readonly Duration[] | undefined
}

/** A contract of your own. The secret is a text. */
export interface CustomProfileOptions {
  readonly signature: {
    readonly header: string
    readonly algorithm: 'hmac-sha256' | 'hmac-sha512' | 'hmac-sha1'
    /** Default 'hex'. */
    readonly encoding?: 'hex' | 'base64' | undefined
    /** What stands before the signature, like 'sha256='. Default: nothing. */
    readonly prefix?: string | undefined
  }
  /** What is signed: `{id}`, `{timestamp}` and `{body}` stand for those. Default '{body}'. */
  readonly signed?: string | undefined
  /** The header that names the event, the same at every attempt. */
  readonly id?: string | undefined
  readonly timestamp?: { readonly header: string; readonly unit?: 's' | 'ms' | undefined } | undefined
  /** The header that names the event's type. */
  readonly type?: string | undefined
  /** Default 'event': { type, timestamp, data }. */
  readonly body?: CustomProfile['body'] | undefined
  /** Which answer counts. Default: any status from 200 to 299. */
  readonly ack?: Ack | undefined
  readonly timeout?: Duration | undefined
  readonly retry?: EndpointRetryOptions | undefined
}

export interface EndpointOptions {
  /** https; http only where the operator opened address ranges. */
  readonly url: string
  /** Each topic once. Default: none, for an endpoint that is only called with the end of tasks. */
  readonly subscriptions?:
    | readonly {
        readonly topic: string | Topic
        /** Patterns like 'order.*'. Default: every type. */
        readonly types?: readonly string[] | undefined
        /** CloudEvents filters; all must pass. Default: none. */
        readonly filters?: readonly Filter[] | undefined
      }[]
    | undefined
  /** For people, at most 500 characters. */
  readonly description?: string | undefined
  /** Default 'standard-webhooks'. */
  readonly profile?: ProfileName | CustomProfileOptions | undefined
  /** Default: made here, where the profile's can be. */
  readonly secret?: SecretValue | undefined
  /** For Standard Webhooks: 'v1' (a shared secret, default), 'v1a' (the platform's public key), 'both'. */
  readonly signature?: 'v1' | 'v1a' | 'both' | undefined
  /** none (default) · key: one at a time and in order among events that share a key · strict: one at a time and in order over all of a topic. */
  readonly order?: 'none' | 'key' | 'strict' | undefined
  /** Attempts a second, at most. Default: no limit; what the receiver bears is found out. */
  readonly ratePerSecond?: number | null | undefined
  /** Attempts at once, at most. Default 10. */
  readonly concurrency?: number | undefined
  /** For one exchange. Default: the profile's. */
  readonly timeout?: Duration | null | undefined
  /** Default: the profile's. */
  readonly retry?: EndpointRetryOptions | null | undefined
  /** thin: that something happened, without the event's data. Default 'full'. */
  readonly payload?: 'full' | 'thin' | undefined
  /** Sent with every call; shown masked. null takes one away. */
  readonly headers?: Readonly<Record<string, string | null>> | undefined
  /** Default true. What comes while it is not is kept. */
  readonly enabled?: boolean | undefined
  /** With which what waited while it was not enabled is sent, in order. Default: as all else. */
  readonly drainPerSecond?: number | null | undefined
  /** The queue that gets each receiver's answer. Default: none, or the message's own `replyTo`. */
  readonly answerTo?: string | null | undefined
}
