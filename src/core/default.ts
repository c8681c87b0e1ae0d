/** Every default above the engine, in one table. `posthorn doctor` prints it; the queue's own are in settings.ts. */

export interface Defaults {
  readonly leaseMs: number
  /** A lease is extended when this share of it has passed. */
  readonly extendAfterShare: number
  /** Failed runs at most. */
  readonly attempts: number
  readonly backoffBaseMs: number
  readonly backoffCapMs: number
  /** How long `stop` lets handlers run on. */
  readonly graceMs: number
  /** How long `result()` and `ended()` wait. */
  readonly resultWaitMs: number
  readonly callTimeoutMs: number
  /** How long the record of an ended operation is kept. */
  readonly operationKeptMs: number
  readonly maxBodyBytes: number
  /** With less room than this on the disk of `file:DIR`, new messages are refused. */
  readonly minFreeBytes: number
  readonly concurrency: number
  /** Reruns after an `ifVersion` conflict at settle before it counts as a retry. */
  readonly conflictReruns: number
  /** How long a message of an unknown type or version is given back before it is buried as `unknown-contract`. */
  readonly unknownContractMs: number
}

export const DEFAULTS: Defaults = {
  leaseMs: 30_000,
  extendAfterShare: 1 / 3,
  attempts: 5,
  backoffBaseMs: 1_000,
  backoffCapMs: 3_600_000,
  graceMs: 25_000,
  resultWaitMs: 30_000,
  callTimeoutMs: 10_000,
  operationKeptMs: 7 * 86_400_000,
  maxBodyBytes: 1_048_576,
  minFreeBytes: 64 * 1_048_576,
  concurrency: 10,
  conflictReruns: 10,
  unknownContractMs: 15 * 60_000,
}
