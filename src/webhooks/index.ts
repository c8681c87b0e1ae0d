/** Callbacks signed and verified, and received without losing any: `import { createReceiver, github } from 'posthorn/webhooks'`. */
export type { WebhookClock } from './clock.ts'
export { isWebhookError, WEBHOOK_ERRORS, WebhookError, type WebhookErrorCode } from './error.ts'
export type { ReceivedOutcome, ReceiverOptions } from './intake.ts'
export { jwks, type JwksOptions } from './jwks.ts'
export type { Algorithm, KeyMaterial, PublicJwk } from './key.ts'
export { createInstantSigner, type InstantSigner, type InstantSignOptions, type Mac } from './instant.ts'
export { createNodeListener, type NodeListener, type NodeRequest, type NodeResponse } from './node-listener.ts'
export type { Place } from './place.ts'
export {
  defineProfile,
  type Answer,
  type Parts,
  type Profile,
  type ProfileOptions,
  type SignaturePlace,
  type TimestampPlace,
} from './profile.ts'
export { alipay, type AlipaySecret } from './profile/alipay.ts'
export { dingtalk, type DingtalkSecret } from './profile/dingtalk.ts'
export { feishu, type FeishuSecret } from './profile/feishu.ts'
export { github } from './profile/github.ts'
export { shopify } from './profile/shopify.ts'
export { slack } from './profile/slack.ts'
export { standardWebhooks, svix, type StandardSecret } from './profile/standard-webhooks.ts'
export { stripe } from './profile/stripe.ts'
export { wechatPay, type WechatPaySecret } from './profile/wechat-pay.ts'
export { createReceiver, receive, type Receiver } from './receive.ts'
export type { Arrived, HeaderSource, Incoming } from './request.ts'
export type { Secrets, SecretSource } from './secrets.ts'
export { recentIds, type RecentIdsOptions, type Seen } from './seen.ts'
export { createSigner, sign, type Signed, type Signer, type SignOptions, type Unsigned } from './sign.ts'
export { generateKeyPair, generateSecret, toJwk, toJwks, type KeyPair } from './standard-key.ts'
export type { Verified } from './verified.ts'
export { createVerifier, verify, type Verifier, type VerifyOptions } from './verify.ts'
