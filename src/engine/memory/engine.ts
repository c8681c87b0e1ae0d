/** `memory:`: the compact ledger alone. As fast as it gets, and gone with the process. */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import { createIds, secretBytes, type Ids } from '../../core/id.ts'
import { LedgerEngine } from '../ledger/engine.ts'
import type { EngineLimits } from '../ledger/limit.ts'
import { LedgerState } from '../ledger/state/state.ts'
import { MemoryStore } from './store.ts'

export interface MemoryEngineOptions {
  readonly clock?: Clock | undefined
  readonly ids?: Ids | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  /** For tests: watchers are never told anything. */
  readonly dropHints?: boolean | undefined
}

export function createMemoryEngine(options: MemoryEngineOptions = {}): LedgerEngine {
  const clock = options.clock ?? systemClock
  // Nothing is left of an engine that was here before but what its clients remember: tokens and versions must not be taken for theirs.
  const secret = secretBytes(4)
  const era = new DataView(secret.buffer, secret.byteOffset).getUint32(0)
  return new LedgerEngine({
    state: new LedgerState(),
    store: new MemoryStore(),
    clock,
    ids: options.ids ?? createIds(clock),
    openedAt: clock.wallMs(),
    era,
    limits: options.limits,
    dropHints: options.dropHints,
  })
}
