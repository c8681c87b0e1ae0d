/** The public face of callbacks: where they may go, and who delivers them. */
export { createAllowance, type Allowance } from './allowance.ts'
export { bindCallbacks, type CallbackDeps } from './binding.ts'
export { createGuard, type GuardOptions, type Resolve } from './guard.ts'
