/** The public face of topics and subscriptions. */
export { createTopicControl, listSubscriptions } from './administer.ts'
export {
  resolveRetention,
  topic,
  type Event,
  type EventFor,
  type EventVersion,
  type Published,
  type RetainOptions,
  type Topic,
  type TopicOptions,
} from './contract.ts'
export type { Gap, ReadOptions, RetainedView, SubscriptionView, TopicControl, UnsubscribeOptions } from './control.ts'
export { declareRetention } from './declare.ts'
export type { Checked, Matching } from './pattern.ts'
export { systemEvents, type EndpointNotice, type SubscriptionNotice, type SystemEvents } from './system-events.ts'
export { createPrepareTopic, type PrepareTopic } from './prepare.ts'
export {
  resolveSubscription,
  subscribe,
  type From,
  type SubscribeOptions,
  type SubscriptionOptions,
} from './subscribe.ts'
