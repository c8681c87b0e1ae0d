/** The public face of apps: third parties of the platform, as principals. */
export { createAppControl, type AppDeps } from './administer.ts'
export { belongingKey, belongingPrefix, type BelongingKind } from '../core/belonging.ts'
export { belongingsOf, queuesOf, subscriptionQueuesOf, type AppOperation } from './belonging.ts'
export type {
  ActOptions,
  AppControl,
  AppOptions,
  AppView,
  DeleteAppOptions,
  KeyOptions,
  KeyView,
  NewKey,
  RotateOptions,
} from './control.ts'
export { looksLikeAppKey } from './key.ts'
export { KeyRing } from './key-ring.ts'
export { defaultSettings } from './option.ts'
export { PLATFORM, type AppPrincipal, type PlatformPrincipal, type Principal } from './principal.ts'
export { DEFAULT_QUOTAS, QUOTA_NAMES, type Quotas } from './quota.ts'
export { VERBS, type ScopeKind, type Scopes, type ScopeVerb } from './scope.ts'
export { bareText, inSpace, isInSpace, outOfSpace } from './space.ts'
export { loadSecret } from './secret.ts'
export { CLEAR, createVeils, mayChoose, type Veil, type Veils } from './veil.ts'
