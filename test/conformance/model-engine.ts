// The oracle as an engine, so that the cases can be tried on it: what the kit asks for must at least be what the oracle does.

import type { Clock } from '../../src/core/clock.ts'
import type {
  Capabilities,
  Commit,
  CommitResult,
  Engine,
  LeaseResult,
  Page,
  RefusalCode,
  RetainedEvent,
} from '../../src/core/engine.ts'
import { PosthornError } from '../../src/core/error.ts'
import { toJsonBytes } from '../../src/core/json.ts'
import type { StoredMessage } from '../../src/core/message.ts'
import type { StoredRecord } from '../../src/core/record.ts'
import { subscriptionKey, subscriptionQueue, topicKey, type Retention } from '../../src/core/settings.ts'
import { Model, type model, type Storage, type Subject } from '../../src/conformance/index.ts'

const capabilities: Capabilities = {
  engine: 'model',
  durability: ['memory', 'os', 'disk'],
  atomic: 'commit',
  processes: 'one',
  clock: 'monotonic',
  limitSlack: 0,
  maxChanges: 1_000,
  maxBodyBytes: 1_000_000,
  pick: ['fifo', 'priority'],
  fair: false,
  join: false,
  retained: true,
  deviations: [],
}

export const modelSubject: Subject = {
  name: 'model',
  create(): Storage {
    let stop = new AbortController()
    let left: { readonly model: Model; readonly wallMs: number } | null = null
    return {
      open({ clock }) {
        const wallMs = clock.wallMs()
        const model = left?.model ?? new Model()
        model.open(left ? model.nowMs + Math.max(0, wallMs - model.wallMs) : wallMs, wallMs)
        left = { model, wallMs }
        stop = new AbortController()
        return Promise.resolve(modelEngine(model, clock, stop.signal))
      },
      faults: { kill: () => stop.abort(), powerCut: () => stop.abort() },
    }
  },
}

function modelEngine(model: Model, clock: Clock, stopped: AbortSignal): Engine {
  let monotonicMs = clock.monotonicMs()
  const leases = new Map<string, LeaseResult>()
  let timer: Disposable | undefined
  let closed = false
  stopped.addEventListener('abort', () => timer?.[Symbol.dispose]())
  const catchUp = (): void => {
    const passed = clock.monotonicMs() - monotonicMs
    monotonicMs += passed
    // A step of the wall has happened somewhere on the way: forward last, back first, so that nothing falls due wrongly.
    model.wallMs = Math.min(model.wallMs, clock.wallMs() - passed)
    const untilMs = model.nowMs + passed
    while (model.nowMs < untilMs) model.pass(Math.min(untilMs, ...dueTimes(model)) - model.nowMs)
    model.pass(0, clock.wallMs() - model.wallMs)
  }
  const wake = (): void => {
    timer?.[Symbol.dispose]()
    const next = Math.min(...dueTimes(model))
    if (next < Infinity && !closed && !stopped.aborted)
      timer = clock.timer(next - model.nowMs, () => (catchUp(), wake()))
  }
  const engine: Omit<Engine, 'capabilities'> = {
    commit: (commits) => Promise.resolve(commits.map((commit) => toResult(model, commit))),
    lease(request) {
      const known = leases.get(request.id)
      if (known) return Promise.resolve(known)
      const deliveries = model
        .lease(request, [])
        .map((item) => ({ token: item.token!, leaseUntil: item.leaseUntil!, stored: plain(model, item) }))
      const mine = model.state.messages.filter(({ queue }) => request.wants.some((want) => want.queue === queue))
      const times = mine.flatMap(({ state, delay, since, leaseUntil }) => [
        ...(state === 'delayed' ? [model.timeOf(delay, since) - model.nowMs] : []),
        ...(leaseUntil ? [leaseUntil - model.nowMs] : []),
      ])
      const result = { deliveries, nextReadyInMs: times.length === 0 ? null : Math.min(...times) }
      leases.set(request.id, result)
      return Promise.resolve(result)
    },
    extend: (tokens, leaseMs) => Promise.resolve(model.extend(tokens, leaseMs)),
    watch: () => ({ [Symbol.dispose]: () => undefined }),
    get: (keys) =>
      Promise.resolve(
        keys.map((text) =>
          toRecord(
            model.state,
            model.state.records.find(({ key, aliases }) => key === text || aliases.includes(text)),
          ),
        ),
      ),
    list({ prefix, after, limit }) {
      const texts = model.state.records.flatMap((record) => [
        { text: record.key, record },
        ...record.aliases.map((alias) => ({ text: `${alias} ${record.key}`, record })),
      ])
      const found = texts.filter(({ text }) => text.startsWith(prefix)).sort((a, b) => (a.text < b.text ? -1 : 1))
      const { items, next } = toPage(found, ({ text }) => text, after, limit)
      return Promise.resolve({ items: items.map(({ record }) => toRecord(model.state, record)!), next })
    },
    find: (refs) =>
      Promise.resolve(
        refs
          .map((ref) =>
            model.state.messages.find((each) => each.isKept && each.queue === ref.queue && each.id === ref.id),
          )
          .map((each) => (each ? plain(model, each) : null)),
      ),
    browse({ queue, state, after, limit, match = {} }) {
      const found = model.state.messages.filter(
        (each) => each.isKept && each.queue === queue && each.state === state && matches(each, match),
      )
      const sorted = found.sort((a, b) => a.arrival - b.arrival)
      const { items, next } = toPage(sorted, ({ arrival }) => String(arrival).padStart(12, '0'), after, limit)
      return Promise.resolve({ items: items.map((each) => plain(model, each)), next })
    },
    depth(queues) {
      const { messages, records, subscriptions } = model.state
      const names = new Set([
        ...messages.map(({ queue }) => queue),
        ...records.flatMap(({ key }) => (key.startsWith('queue/') ? [key.slice('queue/'.length)] : [])),
        ...subscriptions.map(({ topic, name }) => subscriptionQueue(topic, name)),
      ])
      const known = [...names].filter((name) => queues === 'all' || queues.includes(name))
      return Promise.resolve(known.map((name) => ({ queue: name, ...countsOf(model, name) })))
    },
    read({ topic, from, limit }) {
      const retention = model.state.records.find(({ key }) => key === topicKey(topic))?.value as Retention | null
      if (!retention) return Promise.reject(new PosthornError('unsupported', 'keeps nothing'))
      const kept = model.state.events.filter((event) => event.isKept && event.topic === topic)
      const start = typeof from === 'object' && 'position' in from ? from.position : null
      const events = kept.map(({ turn, at, message }): RetainedEvent & { at: number } => ({
        position: String(turn).padStart(12, '0'),
        message,
        at,
      }))
      const wanted = events.filter(
        ({ at }) => from !== 'now' && (typeof from !== 'object' || !('at' in from) || at >= from.at),
      )
      const { items, next } = toPage(wanted, ({ position }) => position, start, limit)
      return Promise.resolve({ items: items.map(({ position, message }) => ({ position, message })), next })
    },
    close() {
      closed = true
      return Promise.resolve()
    },
  }
  const acting = Object.entries(engine).map(([name, method]) => [
    name,
    (...args: readonly unknown[]) => {
      catchUp()
      const answer = (method as (...args: readonly unknown[]) => unknown)(...args)
      wake()
      return answer
    },
  ])
  return { ...(Object.fromEntries(acting) as typeof engine), capabilities }
}

function toResult(model: Model, commit: Commit): CommitResult {
  const { durability = 'disk' } = commit
  if (!capabilities.durability.includes(durability))
    return { status: 'refused', code: 'unsupported', at: 0, detail: durability }
  const { replayed, results } = model.commit(commit)
  model.sweep()
  const done = results.filter((result) => typeof result !== 'string')
  if (done.length === results.length) return { status: 'committed', durability, replayed, results: done }
  const at = results.findIndex((result) => typeof result === 'string')
  return { status: 'refused', code: results[at] as RefusalCode, at, detail: 'refused' }
}

/** Engine times, all to come, at which something may happen by itself. */
function dueTimes(model: Model): number[] {
  const times = model.state.messages.flatMap(({ delay, since, message, sentAt, leaseUntil }) => {
    return [model.timeOf(delay, since), model.timeOf(message.expires, sentAt), leaseUntil ?? Infinity]
  })
  return times.filter((time) => time > model.nowMs)
}

function plain(model: Model, each: model.Message): StoredMessage {
  const { arrival, turn, line, delay, since, token, holder, dedupeUntil, isKept, ...stored } = each
  void [arrival, turn, line, token, holder, dedupeUntil, isKept]
  return stored.state === 'delayed' ? { ...stored, readyAt: model.timeOf(delay, since) } : stored
}

function toRecord(state: model.State, record: model.State['records'][number] | undefined): StoredRecord | null {
  if (!record) return null
  const { key, version, expiresAt } = record
  const bound = state.subscriptions.find(({ topic, name }) => subscriptionKey(topic, name) === key)
  const value = record.value instanceof Uint8Array ? record.value : toJsonBytes(record.value)
  if (!bound) return { key, value, version, expiresAt }
  const { cursor: _, ...shown } = bound
  return { key, value: toJsonBytes({ ...shown, gaps: [] }), version, expiresAt }
}

function matches({ message, sentAt, reason, failures }: model.Message, match: Record<string, unknown>): boolean {
  const error =
    match['error'] === undefined || reason === match['error'] || failures.some(({ code }) => code === match['error'])
  const inTime = sentAt >= Number(match['since'] ?? 0) && sentAt < Number(match['before'] ?? Infinity)
  const same = (name: 'key' | 'group') => match[name] === undefined || message[name] === match[name]
  return (
    error &&
    inTime &&
    same('key') &&
    same('group') &&
    (match['type'] === undefined || match['type'] === message.event.type)
  )
}

function countsOf(model: Model, name: string) {
  const items = model.state.messages.filter(({ queue }) => queue === name)
  const count = (wanted: string) => items.filter((each) => each.state === wanted).length
  const readyAts = items.flatMap(({ state: is, readyAt }) => (is === 'ready' ? [readyAt!] : []))
  const living = items.filter(({ endedAt }) => endedAt === null)
  return {
    arrived: 0,
    ready: count('ready'),
    held: count('held'),
    delayed: count('delayed'),
    leased: count('leased'),
    dead: count('dead'),
    bytes: living.reduce((sum, { message }) => sum + message.body.byteLength, 0),
    oldestReadyAt: readyAts.length === 0 ? null : Math.min(...readyAts),
    paused: model.settingsOf(name).paused,
    ended: {
      acked: count('acked'),
      expired: count('expired'),
      cancelled: count('cancelled'),
      discarded: count('discarded'),
    },
  }
}

function toPage<T>(all: readonly T[], textOf: (each: T) => string, after: string | null, limit: number): Page<T> {
  const rest = all.filter((each) => after === null || textOf(each) > after)
  const items = rest.slice(0, limit)
  return { items, next: rest.length > limit ? textOf(items.at(-1)!) : null }
}
