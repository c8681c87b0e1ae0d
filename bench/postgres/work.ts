/** The works that all contestants do, and what Posthorn is meant to reach of the others at each. */
import type { Mode, Plan } from '../option.ts'
import type { Name } from './contestant.ts'

export interface WorkOn {
  readonly mode: Mode
  readonly senders: number
  readonly batch: number | null
  readonly title: string
  /** Who does it too. */
  readonly by: readonly Name[]
  /** Posthorn's rate by the other's, at least; latency: its time by the other's, at most. */
  readonly bars: readonly (readonly [other: Name, bar: number])[]
}

export type WorkName = 'send' | 'bulk' | 'one' | 'drain' | 'flow' | 'latency'

const SENDING: readonly Name[] = ['posthorn', 'graphile-worker', 'pg-boss', 'pg-boss-without-notify', 'raw']
const HANDLING: readonly Name[] = ['posthorn', 'posthorn-queue', ...SENDING.slice(1)]
const LARGE = 500

export const WORKS: Readonly<Record<WorkName, WorkOn>> = {
  send: {
    mode: 'send',
    senders: 100,
    batch: null,
    title: 'send: 100 callers that each wait',
    by: SENDING,
    bars: [
      ['graphile-worker', 30],
      ['pg-boss', 40],
      ['raw', 4],
    ],
  },
  bulk: {
    mode: 'send',
    senders: 4,
    batch: LARGE,
    title: `bulk: 4 callers, ${LARGE} in one commit`,
    by: SENDING,
    bars: [
      ['graphile-worker', 2],
      ['pg-boss', 3],
    ],
  },
  one: {
    mode: 'send',
    senders: 1,
    batch: null,
    title: 'one: a single caller',
    by: SENDING,
    bars: [['graphile-worker', 1.8]],
  },
  drain: {
    mode: 'drain',
    senders: 1,
    batch: null,
    title: 'drain: a full queue, done when all is settled durably',
    by: HANDLING,
    bars: [
      ['graphile-worker', 1.3],
      ['pg-boss', 2.5],
    ],
  },
  flow: {
    mode: 'flow',
    senders: 100,
    batch: null,
    title: 'flow: 100 callers and the handlers in one process; times from send to start',
    by: HANDLING,
    bars: [
      ['graphile-worker', 25],
      ['pg-boss-without-notify', 15],
    ],
  },
  latency: {
    mode: 'latency',
    senders: 1,
    batch: null,
    title: 'latency: 500 a second; times from send to start',
    // Without its notifications it looks twice a second.
    by: HANDLING.filter((name) => name !== 'pg-boss-without-notify'),
    bars: [['graphile-worker', 0.8]],
  },
}

/** Jobs that a drain has done in a second, roughly: so many wait for it. */
const DRAINED: Readonly<Record<Name, number>> = {
  'posthorn': 60_000,
  'posthorn-queue': 80_000,
  'graphile-worker': 60_000,
  'pg-boss': 30_000,
  'pg-boss-without-notify': 30_000,
  'raw': 120_000,
}
const HANDLERS = 500
const BYTES = 256
const RATE = 500
/** Of those that nobody should reach in the time. */
const MANY = 5_000_000

export function planOf(work: WorkOn, name: Name, seconds: number, backlog = 0): Plan {
  const { mode, senders, batch } = work
  return {
    mode,
    count: mode === 'drain' ? Math.ceil(DRAINED[name] * seconds) : MANY,
    // A drain has an end of its own.
    seconds: mode === 'drain' ? seconds * 10 : seconds,
    senders,
    handlers: HANDLERS,
    batch,
    bytes: BYTES,
    backlog,
    fillBatch: LARGE,
    rate: RATE,
    warmUpSeconds: Math.min(1, seconds / 2),
    poolJobs: 0,
  }
}
