/** The public face of callbacks: where they may go, who delivers them, and the endpoints of those who asked to be called. */
export type { Ack } from './ack.ts'
export { createEndpointControl, removeEndpointsOf, type EndpointControlDeps } from './administer.ts'
export { createAllowance, type Allowance } from './allowance.ts'
export type { Attempt } from './attempt.ts'
export { bindCallbacks, type CallbackDeps } from './binding.ts'
export type {
  ChangeEndpointOptions,
  CreateEndpointOptions,
  Delivering,
  DeliverOptions,
  EndpointControl,
  EndpointView,
  SecretView,
} from './control.ts'
export { originOf, runDelivering, type DeliveringParts } from './delivering.ts'
export type { Drill, DrillStep } from './drill.ts'
export type { Disabled, EndpointRetry, EndpointSubscription, Verified } from './endpoint.ts'
export { createGuard, type GuardOptions, type Resolve } from './guard.ts'
export { holdEndpointsOf } from './hold.ts'
export { resolveMasterKeys, type MasterKeyOption } from './master-key.ts'
export { platformSigner } from './key.ts'
export type { CustomProfile, ProfileName } from './profile.ts'
export type { Redelivered, RedeliverOptions } from './redeliver.ts'
export type { SecretValue } from './secret.ts'
export { parseAllowedRate } from './verify.ts'
export { queuesOfEndpoints } from './store.ts'
export type { CustomProfileOptions, EndpointOptions, EndpointRetryOptions } from './option.ts'
