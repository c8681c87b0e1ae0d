// Random sequences of commands: few names, few times, so that what can meet does meet.

import fc from 'fast-check'
import { DEFAULT_QUEUE, DEFAULT_SUBSCRIPTION_QUEUE, type QueueSettings } from '../../src/core/settings.ts'
import type { ChangeSketch, Command, CommitSketch, Leaving, MessageSketch, VersionSketch, WhenSketch } from '../../src/conformance/index.ts'

const HOUR_MS = 3_600_000
const QUEUES = ['a', 'b', 'c']
const SUBSCRIBERS = ['s', 's2']
const ALL_QUEUES = [...QUEUES, 'r', ...SUBSCRIBERS.map((name) => `topic:t:${name}`)]
export const TOPICS = ['t', 'u', 'system:events']

const among = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const sometimes = <T>(arbitrary: fc.Arbitrary<T>, oneIn = 3): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined, freq: oneIn - 1 })
/** Leaves out what is undefined, so that a kept sequence says only what matters. */
const compact = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arbitrary.map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)) as T)

const queue = among(...QUEUES, ...ALL_QUEUES)
const n = fc.nat(24)
const ms = among(0, 1, 10, 50, 100, 250)
const when: fc.Arbitrary<WhenSketch> = fc.oneof({ weight: 3, arbitrary: fc.record({ afterMs: ms }) }, { weight: 1, arbitrary: fc.record({ atInMs: among(-10, 20, 100, HOUR_MS) }) })
const later: fc.Arbitrary<WhenSketch> = fc.oneof(fc.record({ afterMs: among(1, 10, 50, 200) }), fc.record({ atInMs: among(20, 100, HOUR_MS) }))
const token = fc.nat(5)
const version: fc.Arbitrary<VersionSketch> = among('current', 'current', 'first', null)

const message = fc.record({
  n,
  type: sometimes(among('kit.other')),
  key: sometimes(among('k', 'l'), 2),
  priority: sometimes(among(0, 9)),
  delay: sometimes(when, 4),
  expires: sometimes(later, 5),
  dedupe: sometimes(among('x', 'y'), 5),
  report: sometimes(among('r'), 2),
}) as fc.Arbitrary<MessageSketch>

const palette: readonly Partial<QueueSettings>[] = [
  {},
  { pick: { by: 'fifo' }, limit: { messages: 3, bytes: null } },
  { pick: { by: 'priority', agingMs: 20 }, maxLapses: 1 },
  { paused: true },
  { limit: { messages: 5, bytes: null }, keep: { ...DEFAULT_QUEUE.keep, acked: true, endedCount: 3, endedMs: 100, deadCount: 1 } },
  { maxLapses: 0, keep: { ...DEFAULT_QUEUE.keep, deadMs: 50, acked: true } },
  { dedupeWindowMs: 50 },
]
const configure = fc
  .record({ queue: among(...QUEUES, ...ALL_QUEUES.slice(-2)), settings: among(...palette), ifVersion: sometimes(version) })
  .map(({ queue: name, settings, ifVersion }): ChangeSketch => {
    const full = { ...(name.startsWith('topic:') ? DEFAULT_SUBSCRIPTION_QUEUE : DEFAULT_QUEUE), ...settings }
    return ifVersion === undefined ? { do: 'configure', queue: name, settings: full } : { do: 'configure', queue: name, settings: full, ifVersion }
  })

const bind = fc
  .record({ name: among(...SUBSCRIBERS), types: among([], [], ['kit.made']), from: among('now', 'now', 'beginning'), ifVersion: sometimes(version, 5) })
  .map(({ name, types, from, ifVersion }): ChangeSketch => {
    const order = name === 's' ? 'key' : 'strict'
    const subscription = { topic: 't', name, types, filters: [], from: from as 'now' | 'beginning', order } as const
    return ifVersion === undefined ? { do: 'bind', subscription } : { do: 'bind', subscription, ifVersion }
  })

const refs = fc.array(fc.record({ queue, n }), { minLength: 1, maxLength: 2 })
const outcome: fc.Arbitrary<ChangeSketch> = fc.oneof(
  fc.record({ do: among('ack', 'ack', 'bury', 'drop'), token }),
  fc.record({ do: among('retry', 'release'), token, delay: when }),
) as fc.Arbitrary<ChangeSketch>

const put = fc.record({ do: among('put'), key: among('k1', 'k2'), text: among('one', 'two'), ifVersion: sometimes(version, 2), expiresInMs: sometimes(among(20, 100), 4) })
const change: fc.Arbitrary<ChangeSketch> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ queue, message }).map(({ queue: to, message: sketch }): ChangeSketch => ({ do: 'send', queue: to, ...sketch })) },
  { weight: 8, arbitrary: outcome },
  { weight: 4, arbitrary: message.map(({ delay: _, expires: __, ...sketch }): ChangeSketch => ({ do: 'publish', topic: 't', ...sketch, n: sketch.n + 100 })) },
  { weight: 3, arbitrary: compact(put).map((each) => ({ ...each, aliases: each.text === 'one' ? [`alias/${each.key}`] : [] }) as ChangeSketch) },
  { weight: 1, arbitrary: compact(fc.record({ do: among('remove'), key: among('k1', 'k2'), ifVersion: sometimes(among('current', 'first'), 2) })) as fc.Arbitrary<ChangeSketch> },
  { weight: 3, arbitrary: configure },
  { weight: 2, arbitrary: bind },
  { weight: 1, arbitrary: among(...SUBSCRIBERS).map((name): ChangeSketch => ({ do: 'unbind', topic: 't', name })) },
  { weight: 1, arbitrary: among({ ms: null, count: 3 }, { ms: 100, count: 50 }, null).map((retention): ChangeSketch => ({ do: 'retain', topic: 't', retention })) },
  { weight: 4, arbitrary: fc.record({ do: among('cancel', 'redrive', 'discard'), messages: refs }) as fc.Arbitrary<ChangeSketch> },
)

const commit = compact(
  fc.record({
    id: sometimes(among('c1', 'c2', 'c3'), 8),
    durability: sometimes(among('os', 'memory'), 4),
    changes: fc.oneof({ weight: 3, arbitrary: fc.array(change, { minLength: 1, maxLength: 1 }) }, { weight: 2, arbitrary: fc.array(change, { minLength: 2, maxLength: 4 }) }),
  }),
) as fc.Arbitrary<CommitSketch>

/** @param faults ways of leaving that the subject offers */
export function commandOf(faults: readonly Leaving[], durability: readonly string[]): fc.Arbitrary<Command> {
  const offered = commit.map(({ durability: level, ...rest }): CommitSketch => (level !== undefined && durability.includes(level) ? { ...rest, durability: level } : rest))
  const commits = fc.oneof({ weight: 6, arbitrary: fc.array(offered, { minLength: 1, maxLength: 1 }) }, { weight: 1, arbitrary: fc.array(offered, { minLength: 2, maxLength: 3 }) })
  return fc.oneof(
    { weight: 14, arbitrary: commits.map((list): Command => ({ do: 'commit', commits: list })) },
    {
      weight: 7,
      arbitrary: fc.record({
        do: among('lease'),
        wants: fc.uniqueArray(fc.tuple(queue, among(1, 2, 5)), { minLength: 1, maxLength: 3, selector: ([name]) => name }),
        leaseMs: among(20, 50, 200, 1_000),
        holder: among('client', 'process'),
      }) as fc.Arbitrary<Command>,
    },
    { weight: 1, arbitrary: fc.constant<Command>({ do: 'lease-again' }) },
    { weight: 1, arbitrary: fc.record({ do: among('extend'), tokens: fc.array(token, { minLength: 1, maxLength: 2 }), leaseMs: among(20, 100) }) as fc.Arbitrary<Command> },
    { weight: 5, arbitrary: among(1, 10, 20, 50, 100, 300, 1_000).map((passed): Command => ({ do: 'advance', ms: passed })) },
    { weight: 1, arbitrary: among(HOUR_MS, -HOUR_MS).map((step): Command => ({ do: 'step-wall', ms: step })) },
    {
      weight: 1,
      arbitrary: compact(fc.record({ do: among('reopen'), how: among(...faults), unanswered: sometimes(fc.array(offered, { minLength: 1, maxLength: 3 }), 2), turns: among(0, 1, 2, 4) })) as fc.Arbitrary<Command>,
    },
    { weight: 1, arbitrary: fc.constant<Command>({ do: 'look' }) },
  )
}

export function sequenceOf(faults: readonly Leaving[], durability: readonly string[]): fc.Arbitrary<Command[]> {
  return fc.array(commandOf(faults, durability), { minLength: 4, maxLength: 40, size: 'max' }).map(withoutRevival)
}

/** Whether a record is back when the wall steps to before its end is the engine's choice: where it steps back no record ends. */
function withoutRevival(commands: readonly Command[]): Command[] {
  if (!commands.some((command) => command.do === 'step-wall' && command.ms < 0)) return [...commands]
  const text = JSON.stringify(commands, (name, value: unknown) => (name === 'expiresInMs' ? undefined : value))
  return JSON.parse(text) as Command[]
}
