/** What a case is: data that names the law it shows, what it needs of an engine, and the steps that show it. */
import type { Capabilities, Engine } from '../core/engine.ts'
import type { Context } from './context.ts'
import type { Storage } from './subject.ts'

/** The laws of docs/reference/laws.md, in its order. */
export const LAWS = [
  'confirmed-survives',
  'one-holder',
  'stale-is-inert',
  'all-or-nothing',
  'once',
  'visible',
  'conserved',
  'not-before',
  'not-after',
  'key-order',
  'counted',
  'ended',
  'dedupe',
  'routed',
  'no-starvation',
  'hints-optional',
  'bounded',
  'versioned',
  'clock-safe',
] as const

export type Law = (typeof LAWS)[number]

export interface Case {
  readonly law: Law
  /** A sentence, unique in its law. */
  readonly name: string
  /** What an engine that lacks it cannot be asked; it is then listed as not offered, never as passed. */
  readonly needs?: readonly Need[]
  /** Throws where the law does not hold. */
  run(context: Context): Promise<void>
}

/**
 * os, disk: what is confirmed survives the process, power loss · kill, power-cut: the subject can be left so · second: another
 * engine may open the same storage · atomic: a commit is all or nothing over queues and records · retained: topics keep
 * events · priority, fifo: ways of choosing · exact-limits: limits are kept to the message · join: the user's transactions can be joined, and the
 * subject makes some.
 */
export type Need =
  | 'os'
  | 'disk'
  | 'kill'
  | 'power-cut'
  | 'second'
  | 'atomic'
  | 'retained'
  | 'priority'
  | 'fifo'
  | 'exact-limits'
  | 'join'

const MET: Readonly<Record<Need, (capabilities: Capabilities, storage: Storage) => boolean>> = {
  'os': ({ durability }) => durability.some((level) => level !== 'memory' && level !== 'joined'),
  'disk': ({ durability }) => durability.includes('disk') || durability.includes('quorum'),
  'kill': (_, { faults }) => faults.kill !== undefined,
  'power-cut': (_, { faults }) => faults.powerCut !== undefined,
  'second': ({ processes }) => processes !== 'one',
  'atomic': ({ atomic }) => atomic === 'commit',
  'retained': ({ retained }) => retained,
  'priority': ({ pick }) => pick.includes('priority'),
  'fifo': ({ pick }) => pick.includes('fifo'),
  'exact-limits': ({ limitSlack }) => limitSlack === 0,
  'join': ({ join }, { transaction }) => join && transaction !== undefined,
}

export function unmet({ needs = [] }: Case, engine: Engine, storage: Storage): readonly Need[] {
  return needs.filter((need) => !MET[need](engine.capabilities, storage))
}
