/**
 * How a platform calls its receivers back, as data: how a call is signed, what its body is, which answer counts, how long to wait for it
 * and when to try again. The signing is that of `posthorn/webhooks`, so that its receivers verify what is sent here.
 */
import {
  alipay,
  defineProfile,
  dingtalk,
  feishu,
  github,
  shopify,
  slack,
  standardWebhooks,
  stripe,
  wechatPay,
  type Profile,
} from '../../webhooks/index.ts'
import type { Ack } from './ack.ts'
import {
  alipayBody,
  cloudEventBatchBody,
  cloudEventBinaryBody,
  cloudEventBody,
  eventBody,
  feishuBody,
  dingtalkBody,
  plainBody,
  slackBody,
  stripeBody,
  wechatPayBody,
  type MakeBody,
} from './body.ts'

export type ProfileName =
  | 'standard-webhooks'
  | 'cloudevents'
  | 'cloudevents-binary'
  | 'cloudevents-batch'
  | 'stripe'
  | 'github'
  | 'shopify'
  | 'slack'
  | 'wechat-pay'
  | 'alipay'
  | 'feishu'
  | 'dingtalk'

/** How a receiver shows that an address is its own: by a grant (CloudEvents WebHook), or by giving back what it was asked. */
export type Verification = 'handshake' | 'challenge' | 'none'

/** Failed attempts, and how long to wait after each; the last delay counts for all that follow. */
export interface EndpointRetry {
  readonly attempts: number
  readonly delaysMs: readonly number[]
}

export interface CallbackProfile {
  readonly name: string
  /** Its secret is a text, or an object of texts. */
  readonly signing: Profile<never>
  readonly body: MakeBody
  /** `sealed`: the answer is sealed as the profile's own receivers seal it, which only the secret can open. */
  readonly ack: Ack | 'sealed'
  readonly timeoutMs: number
  readonly retry: EndpointRetry
  /** Sent with every call. */
  readonly headers: Readonly<Record<string, string>>
  readonly verification: Verification
  /** A header of an answer that says 'do not try again', in lower case; the standard one counts in any profile. */
  readonly stopHeader?: string | undefined
  /** Names the attempt's number, and why the one before failed. */
  readonly retryHeaders?: readonly [string, string] | undefined
}

/** A contract of a platform's own, as clients write it. Its secret is a text. */
export interface CustomProfile {
  readonly signature: {
    readonly header: string
    readonly algorithm: 'hmac-sha256' | 'hmac-sha512' | 'hmac-sha1'
    readonly encoding: 'hex' | 'base64'
    /** Stands before the signature: 'sha256='. */
    readonly prefix: string
  }
  /** `{id}`, `{timestamp}` and `{body}` stand for those. */
  readonly signed: string
  readonly id: string | null
  readonly timestamp: { readonly header: string; readonly unit: 's' | 'ms' } | null
  readonly type: string | null
  /** `event`: { type, timestamp, data } · `cloudevent`: structured, in binary mode, or a batch of what is due at the same time · `plain`: the event's data as they are. */
  readonly body: 'event' | 'cloudevent' | 'cloudevent-binary' | 'cloudevent-batch' | 'plain'
  readonly ack: Ack
  readonly timeoutMs: number
  readonly retry: EndpointRetry
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** Like one that the table of delays may be of: first the number of attempts in all. */
const delays = (...delaysMs: readonly number[]): EndpointRetry => ({ attempts: delaysMs.length + 1, delaysMs })

/** The specification's own: 75 and a half hours in all. */
export const STANDARD_RETRY: EndpointRetry = delays(
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
)

const SUCCESS: Ack = { status: 'success' }
const base = { ack: SUCCESS, headers: {}, verification: 'none' } as const
/** With the handshake of CloudEvents WebHook 1.0, signed as Standard Webhooks are. */
const cloudEvents = {
  ...base,
  signing: standardWebhooks,
  verification: 'handshake',
  timeoutMs: 15 * SECOND,
  retry: STANDARD_RETRY,
} as const

export const PROFILES: Readonly<Record<ProfileName, CallbackProfile>> = {
  'standard-webhooks': {
    ...base,
    name: 'standard-webhooks',
    signing: standardWebhooks,
    body: eventBody,
    timeoutMs: 15 * SECOND,
    retry: STANDARD_RETRY,
  },
  /** Structured mode. */
  'cloudevents': { ...cloudEvents, name: 'cloudevents', body: cloudEventBody },
  /** The data as they are, the attributes as headers: what is signed is the data. */
  'cloudevents-binary': { ...cloudEvents, name: 'cloudevents-binary', body: cloudEventBinaryBody },
  /** What is due at the same time is one call. */
  'cloudevents-batch': { ...cloudEvents, name: 'cloudevents-batch', body: cloudEventBatchBody },
  'stripe': {
    ...base,
    name: 'stripe',
    signing: stripe,
    body: stripeBody,
    timeoutMs: 30 * SECOND,
    retry: delays(
      MINUTE,
      5 * MINUTE,
      30 * MINUTE,
      2 * HOUR,
      5 * HOUR,
      10 * HOUR,
      12 * HOUR,
      12 * HOUR,
      12 * HOUR,
      12 * HOUR,
    ),
  },
  'github': {
    ...base,
    name: 'github',
    signing: github,
    body: plainBody,
    timeoutMs: 10 * SECOND,
    // GitHub itself never tries again: here a dead letter, to redeliver.
    retry: { attempts: 1, delaysMs: [MINUTE] },
  },
  'shopify': {
    ...base,
    name: 'shopify',
    signing: shopify,
    body: plainBody,
    timeoutMs: 5 * SECOND,
    retry: delays(MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 40 * MINUTE, HOUR, HOUR),
  },
  'slack': {
    ...base,
    name: 'slack',
    signing: slack,
    body: slackBody,
    verification: 'challenge',
    timeoutMs: 3 * SECOND,
    retry: delays(SECOND, MINUTE, 5 * MINUTE),
    stopHeader: 'x-slack-no-retry',
    retryHeaders: ['x-slack-retry-num', 'x-slack-retry-reason'],
  },
  'wechat-pay': {
    ...base,
    name: 'wechat-pay',
    signing: wechatPay,
    body: wechatPayBody,
    ack: { status: [200, 204] },
    timeoutMs: 5 * SECOND,
    retry: delays(
      15 * SECOND,
      15 * SECOND,
      30 * SECOND,
      3 * MINUTE,
      10 * MINUTE,
      20 * MINUTE,
      30 * MINUTE,
      30 * MINUTE,
      30 * MINUTE,
      HOUR,
      3 * HOUR,
      3 * HOUR,
      3 * HOUR,
      6 * HOUR,
      6 * HOUR,
    ),
  },
  'alipay': {
    ...base,
    name: 'alipay',
    signing: alipay,
    body: alipayBody,
    ack: { text: 'success' },
    timeoutMs: 10 * SECOND,
    retry: delays(4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR),
  },
  'feishu': {
    ...base,
    name: 'feishu',
    signing: feishu,
    body: feishuBody,
    ack: { status: [200] },
    verification: 'challenge',
    timeoutMs: 3 * SECOND,
    retry: delays(15 * SECOND, 5 * MINUTE, HOUR, 6 * HOUR),
  },
  'dingtalk': {
    ...base,
    name: 'dingtalk',
    signing: dingtalk,
    body: dingtalkBody,
    ack: 'sealed',
    verification: 'challenge',
    timeoutMs: 1_500,
    retry: delays(10 * SECOND, MINUTE, 10 * MINUTE, HOUR, 6 * HOUR),
  },
}

export const BODIES: Readonly<Record<CustomProfile['body'], MakeBody>> = {
  'event': eventBody,
  'cloudevent': cloudEventBody,
  'cloudevent-binary': cloudEventBinaryBody,
  'cloudevent-batch': cloudEventBatchBody,
  'plain': plainBody,
}

/** Whether its secrets are those of Standard Webhooks, and the platform's own key may sign for them. */
export const signsStandard = ({ signing }: CallbackProfile): boolean => signing === standardWebhooks

/** Whether several events may be one call. */
export const takesBatches = ({ body }: CallbackProfile): boolean => body === cloudEventBatchBody

/** @throws WebhookError `invalid-option` */
export function profileOf(given: ProfileName | CustomProfile): CallbackProfile {
  if (typeof given === 'string') return PROFILES[given]
  const { signature, signed, id, timestamp, type, body, ack, timeoutMs, retry } = given
  const signing = defineProfile({
    name: 'custom',
    signature: {
      header: signature.header,
      encoding: signature.encoding,
      labels: { [signature.prefix]: signature.algorithm },
    },
    signed,
    id: id === null ? undefined : { header: id },
    type: type === null ? undefined : { header: type },
    timestamp: timestamp === null ? undefined : timestamp,
  })
  return { ...base, name: 'custom', signing, body: BODIES[body], ack, timeoutMs, retry }
}
