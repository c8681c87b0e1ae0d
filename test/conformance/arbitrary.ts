// Random sequences of commands: few names and few times, so that what can meet does meet. Each has a theme, so that rare
// things (a subscription that is suspended, a message that lapses too often) happen in many. All times are multiples of ten.

import fc from 'fast-check'
import { DEFAULT_QUEUE, DEFAULT_SUBSCRIPTION_QUEUE, type QueueSettings } from '../../src/core/settings.ts'
import type {
  ChangeSketch,
  Command,
  CommitSketch,
  Leaving,
  MessageSketch,
  VersionSketch,
  WhenSketch,
} from '../../src/conformance/index.ts'

export const TOPICS: readonly string[] = ['t', 'u', 'system:events']
const HOUR_MS = 3_600_000
const QUEUES = ['a', 'b', 'c']
const SUBSCRIBERS = ['s', 's2']
const SUBSCRIPTION_QUEUES = SUBSCRIBERS.map((name) => `topic:t:${name}`)
const MESSAGES = 11

interface Theme {
  readonly queues: readonly string[]
  readonly publishes: number
  readonly opening: readonly ChangeSketch[]
}

const among = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values)
const sometimes = <T>(arbitrary: fc.Arbitrary<T>, oneIn: number): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: oneIn - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })
const weighted = <T>(...choices: readonly (readonly [weight: number, arbitrary: fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))
/** Leaves out what is undefined, so that a kept sequence says only what matters. */
const compact = <T extends object>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arbitrary.map((each) => Object.fromEntries(Object.entries(each).filter(([, value]) => value !== undefined)) as T)

const settingsOf = (queue: string, settings: Partial<QueueSettings>): ChangeSketch => {
  const defaults = queue.startsWith('topic:') ? DEFAULT_SUBSCRIPTION_QUEUE : DEFAULT_QUEUE
  return { do: 'configure', queue, settings: { ...defaults, ...settings } }
}
const limit = (messages: number): Partial<QueueSettings> => ({ limit: { messages, bytes: null } })
const keep = (settings: Partial<QueueSettings['keep']>): Partial<QueueSettings> => ({
  keep: { ...DEFAULT_QUEUE.keep, ...settings },
})
const bindOf = (name: string, from: 'now' | 'beginning', types: readonly string[] = []): ChangeSketch => ({
  do: 'bind',
  subscription: { topic: 't', name, types, filters: [], from, order: name === 's' ? 'key' : 'strict' },
})
const retainOf = (ms: number | null, count: number): ChangeSketch => ({
  do: 'retain',
  topic: 't',
  retention: { ms, count },
})

const topical = { queues: [...SUBSCRIPTION_QUEUES, ...SUBSCRIPTION_QUEUES, 'a', 'r'], publishes: 20 }
const THEMES: readonly Theme[] = [
  { queues: [...QUEUES, ...QUEUES, 'r', ...SUBSCRIPTION_QUEUES], publishes: 3, opening: [] },
  { queues: ['a', 'a', 'b'], publishes: 0, opening: [] },
  { queues: ['a'], publishes: 0, opening: [settingsOf('a', { maxLapses: 0 })] },
  {
    queues: ['a', 'a', 'r'],
    publishes: 0,
    opening: [settingsOf('a', { ...limit(3), pick: { by: 'priority', agingMs: 20 } })],
  },
  { ...topical, opening: [bindOf('s', 'now'), settingsOf('topic:t:s', limit(2))] },
  {
    ...topical,
    opening: [retainOf(null, 50), bindOf('s', 'now'), settingsOf('topic:t:s', limit(3)), bindOf('s2', 'now')],
  },
  { ...topical, opening: [retainOf(100, 50), bindOf('s2', 'beginning'), settingsOf('topic:t:s2', limit(4))] },
]

const n = fc.nat(MESSAGES)
const token = fc.oneof(fc.nat(1), fc.nat(4))
const version: fc.Arbitrary<VersionSketch> = among('current', 'current', 'first', null)
const when: fc.Arbitrary<WhenSketch> = weighted<WhenSketch>(
  [3, fc.record({ afterMs: among(0, 10, 20, 50, 100, 250) })],
  [1, fc.record({ atInMs: among(-10, 20, 100, HOUR_MS) })],
)
const expires: fc.Arbitrary<WhenSketch> = fc.oneof(
  fc.record({ afterMs: among(10, 20, 50, 200) }),
  fc.record({ atInMs: among(20, 100, HOUR_MS) }),
)

const attributes = {
  n,
  type: sometimes(among('kit.other'), 4),
  key: sometimes(among('k', 'l'), 2),
  priority: sometimes(among(0, 9), 3),
  dedupe: sometimes(among('x', 'y'), 6),
  report: sometimes(among('r'), 2),
}
const published = compact(fc.record(attributes)).map(
  (sketch) => ({ do: 'publish', topic: 't', ...sketch }) as ChangeSketch,
)
const message = compact(fc.record({ ...attributes, delay: sometimes(when, 4), expires: sometimes(expires, 5) })).map(
  withoutRace,
)

const palette: readonly Partial<QueueSettings>[] = [
  {},
  { ...limit(3), pick: { by: 'fifo' } },
  { pick: { by: 'priority', agingMs: 20 }, maxLapses: 1 },
  { paused: true },
  { ...limit(5), ...keep({ acked: true, endedMs: 100 }) },
  { ...keep({ acked: true }), maxLapses: 0 },
  { dedupeWindowMs: 50 },
  keep({ endedMs: 0 }),
]
const configure = compact(
  fc.record({
    queue: among(...QUEUES, ...QUEUES, ...SUBSCRIPTION_QUEUES),
    settings: among(...palette),
    ifVersion: sometimes(version, 3),
  }),
).map(({ queue, settings, ...rest }) => ({ ...settingsOf(queue, settings), ...rest }) as ChangeSketch)
const bind = compact(
  fc.record({
    name: among(...SUBSCRIBERS),
    types: among([], [], ['kit.made']),
    from: among('now', 'now', 'beginning'),
    ifVersion: sometimes(version, 5),
  }),
).map(({ name, types, from, ...rest }) => ({ ...bindOf(name, from as 'now', types), ...rest }) as ChangeSketch)
const unbind = among(...SUBSCRIBERS).map((name): ChangeSketch => ({ do: 'unbind', topic: 't', name }))
const retain = among(retainOf(null, 3), retainOf(null, 50), retainOf(100, 50), {
  do: 'retain',
  topic: 't',
  retention: null,
} as const)
const outcome = fc.oneof(
  fc.record({ do: among('ack', 'ack', 'bury', 'bury', 'drop'), token }),
  fc.record({ do: among('retry', 'release'), token, delay: when }),
) as fc.Arbitrary<ChangeSketch>
const put = compact(
  fc.record({
    key: among('k1', 'k2'),
    text: among('one', 'two'),
    ifVersion: sometimes(version, 2),
    expiresInMs: sometimes(among(20, 100), 4),
  }),
).map((each) => ({ do: 'put', ...each, aliases: each.text === 'one' ? [`alias/${each.key}`] : [] }) as ChangeSketch)
const remove = compact(
  fc.record({ do: among('remove'), key: among('k1', 'k2'), ifVersion: sometimes(among('current', 'first'), 2) }),
) as fc.Arbitrary<ChangeSketch>

function changeOf({ queues, publishes }: Theme): fc.Arbitrary<ChangeSketch> {
  const plain = queues.filter((name) => !name.startsWith('topic:'))
  const send = fc
    .record({ queue: among(...plain), message })
    .map(({ queue, message: sketch }) => ({ do: 'send', queue, ...sketch }) as ChangeSketch)
  const ref = fc.oneof(
    fc.record({ queue: among(...plain), n }),
    fc.record({ queue: among(...SUBSCRIPTION_QUEUES), n: n.map((each) => MESSAGES + 1 + (each % 8)) }),
  )
  const decide = fc.record({
    do: among('cancel', 'redrive', 'discard'),
    messages: fc.array(ref, { minLength: 1, maxLength: 3 }),
  }) as fc.Arbitrary<ChangeSketch>
  return weighted<ChangeSketch>(
    [publishes > 3 ? 3 : 14, send],
    [12, outcome],
    [publishes, published],
    [3, put],
    [1, remove],
    [2, configure],
    [publishes > 0 ? 2 : 0, bind],
    [publishes > 0 ? 1 : 0, unbind],
    [5, decide],
  )
}

/** @param levels durability that can be asked for */
function commitOf(theme: Theme, levels: readonly string[]): fc.Arbitrary<CommitSketch> {
  const change = changeOf(theme)
  const changes = weighted(
    [3, fc.array(change, { minLength: 1, maxLength: 1 })],
    [2, fc.array(change, { minLength: 2, maxLength: 4 })],
  )
  return compact(
    fc.record({ id: sometimes(among('c1', 'c2', 'c3'), 8), durability: sometimes(among(...levels), 4), changes }),
  ) as fc.Arbitrary<CommitSketch>
}

function commandOf(theme: Theme, faults: readonly Leaving[], levels: readonly string[]): fc.Arbitrary<Command> {
  const one = commitOf(theme, levels)
  const commits = weighted(
    [6, fc.array(one, { minLength: 1, maxLength: 1 })],
    [1, fc.array(one, { minLength: 2, maxLength: 3 })],
  )
  const wants = fc.uniqueArray(fc.tuple(among(...theme.queues), among(1, 2, 5)), {
    minLength: 1,
    maxLength: 3,
    selector: ([name]) => name,
  })
  const lease = fc.record({
    do: among('lease'),
    wants,
    leaseMs: among(20, 100, 1_000, 1_000, 5_000),
    holder: among('client', 'client', 'process'),
  })
  const reopen = compact(
    fc.record({
      do: among('reopen'),
      how: among(...faults),
      unanswered: sometimes(fc.array(one, { minLength: 1, maxLength: 3 }), 2),
      turns: among(0, 1, 2, 4),
      luck: fc.nat(3),
    }),
  )
  return weighted<Command>(
    [
      16,
      compact(fc.record({ do: among('commit'), commits, apart: sometimes(among(true), 4) })) as fc.Arbitrary<Command>,
    ],
    [8, lease as fc.Arbitrary<Command>],
    [1, fc.constant<Command>({ do: 'lease-again' })],
    [
      1,
      fc.record({
        do: among('extend'),
        tokens: fc.array(token, { minLength: 1, maxLength: 2 }),
        leaseMs: among(20, 100),
      }),
    ],
    [5, among(10, 10, 10, 20, 20, 50, 100, 300, 1_000).map((ms): Command => ({ do: 'advance', ms }))],
    [1, among(HOUR_MS, -HOUR_MS).map((ms): Command => ({ do: 'step-wall', ms }))],
    [1, reopen as fc.Arbitrary<Command>],
    [
      theme.publishes > 0 ? 1 : 0,
      retain.map((change): Command => ({ do: 'commit', commits: [{ changes: [change] }] })),
    ],
    [1, fc.constant<Command>({ do: 'look' })],
  )
}

/** @param faults ways of leaving that the subject has */
export function sequenceOf(faults: readonly Leaving[], levels: readonly string[]): fc.Arbitrary<Command[]> {
  const themed = THEMES.map((theme) =>
    fc
      .array(commandOf(theme, faults, levels), { minLength: 5, maxLength: 50, size: 'max' })
      .map((commands): Command[] => {
        const opening = theme.opening.map((change): Command => ({ do: 'commit', commits: [{ changes: [change] }] }))
        return withoutChoice([...opening, ...commands])
      }),
  )
  return fc.oneof(...themed)
}

/** Which of two messages of a key is first in line where one is due by the wall and one by the engine's clock is the engine's choice. */
function withoutRace<T extends object>(sketch: T): T & MessageSketch {
  const { key, delay } = sketch as { key?: string; delay?: WhenSketch }
  const isRace = key !== undefined && delay !== undefined && 'atInMs' in delay
  return (isRace ? { ...sketch, delay: { afterMs: 10 } } : sketch) as T & MessageSketch
}

/**
 * Leaves out what engines may do differently: whether a record is back when the wall steps to before its end (where it steps
 * back no record ends); what a second publish with the id of a living message does (each publish has an id of its own); and
 * whether one who begins anew in the past is given again what he still holds (who was unbound begins now).
 */
function withoutChoice(commands: readonly Command[]): Command[] {
  const stepsBack = commands.some((command) => command.do === 'step-wall' && command.ms < 0)
  const unbound = new Set<string>()
  let published = MESSAGES
  const rewrite = (name: string, value: unknown): unknown => {
    if (name === 'expiresInMs' && stepsBack) return undefined
    const sketch = value as ChangeSketch | null
    if (typeof sketch !== 'object' || sketch === null) return value
    if (sketch.do === 'unbind') unbound.add(sketch.name)
    if (sketch.do === 'publish') return { ...sketch, n: ++published }
    if (sketch.do !== 'bind' || !unbound.has(sketch.subscription.name)) return value
    return { ...sketch, subscription: { ...sketch.subscription, from: 'now' } }
  }
  return JSON.parse(JSON.stringify(commands), rewrite) as Command[]
}
