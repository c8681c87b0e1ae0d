/** `memory:`: the compact ledger alone. As fast as it gets, and gone with the process. */
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'
import { createIds, secretBytes, type Ids } from '../../core/id.ts'
import { LedgerEngine } from '../ledger/engine.ts'
import type { EngineLimits } from '../ledger/limit.ts'
import { LedgerState } from '../ledger/state.ts'
import { MemoryStore } from './store.ts'

/** How many versions lie between the beginnings of two lives. */
const VERSIONS = 2 ** 20

export interface MemoryEngineOptions {
  readonly clock?: Clock | undefined
  readonly ids?: Ids | undefined
  readonly limits?: Partial<EngineLimits> | undefined
  /** For tests: watchers are never told anything. */
  readonly dropHints?: boolean | undefined
}

export function createMemoryEngine(options: MemoryEngineOptions = {}): LedgerEngine {
  const clock = options.clock ?? systemClock
  const state = new LedgerState()
  // Nothing is left of an engine that was here before but what its clients remember: tokens and versions must not be taken for theirs.
  const secret = secretBytes(8)
  const life = new DataView(secret.buffer, secret.byteOffset)
  state.version = life.getUint32(0) * VERSIONS
  return new LedgerEngine({
    state,
    store: new MemoryStore(),
    clock,
    ids: options.ids ?? createIds(clock),
    openedAt: clock.wallMs(),
    era: life.getUint32(4),
    limits: options.limits,
    dropHints: options.dropHints,
  })
}
