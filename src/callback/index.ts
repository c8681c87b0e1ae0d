/** The public face of callbacks: where they may go, who delivers them, and the endpoints of those who asked to be called. */
export type { Ack } from './profile/ack.ts'
export { createEndpointControl, removeEndpointsOf, type EndpointControlDeps } from './administer.ts'
export { createAllowance, type Allowance } from './call/allowance.ts'
export type { Attempt } from './endpoint/attempt.ts'
export { bindCallbacks, type CallbackDeps } from './completion/binding.ts'
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
export type { Drill, DrillStep } from './probe/drill.ts'
export type { Disabled, EndpointSubscription, Verified } from './endpoint/endpoint.ts'
export { createGuard, type GuardOptions, type Resolve } from './call/guard.ts'
export { holdEndpointsOf } from './endpoint/hold.ts'
export { resolveMasterKeys, type MasterKeyOption } from './secret/master-key.ts'
export { platformSigner } from './secret/key.ts'
export type { CustomProfile, EndpointRetry, ProfileName } from './profile/profile.ts'
export type { Redelivered, RedeliverOptions } from './deliver/redeliver.ts'
export type { SecretValue } from './secret/secret.ts'
export { parseAllowedRate } from './probe/verify.ts'
export { queuesOfEndpoints } from './endpoint/store.ts'
export type { CustomProfileOptions, EndpointOptions, EndpointRetryOptions } from './endpoint/option.ts'
