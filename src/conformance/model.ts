/**
 * The oracle: what an engine must answer, in lists and scans, written from the laws alone. It shares nothing with any engine
 * and is as slow as it is plain. Where the contract leaves the choice (which of equals is handed out first) it takes the
 * engine's, if that is allowed. What it leaves to the cases is listed in docs/adr/0004.
 */
import type { Change, ChangeResult, Commit, LeaseRequest, RefusalCode, Token } from '../core/engine.ts'
import { compileFilters, compileTypes } from '../core/filter.ts'
import * as core from '../core/message.ts'
import type { StoredRecord } from '../core/record.ts'
import * as settings from '../core/settings.ts'

/** Plain lists of plain objects, so that it can be copied, compared and gone back to. */
export interface State {
  /** All there ever were; of those that have ended some are not kept: then their ids are free. */
  messages: Message[]
  /** The settings of queues and topics are here alone. */
  records: (Omit<StoredRecord, 'value'> & { readonly value: unknown; readonly aliases: readonly string[] })[]
  subscriptions: Subscription[]
  /** What topics keep, and what has a dedupe text. */
  events: Event[]
  commits: { readonly id: string; readonly until: number; readonly results: readonly ChangeResult[] }[]
}

/**
 * `arrival`: order of the sends · `turn`: order of what last happened to them · `line`: place behind its key, from when it is
 * first due until it ends · `delay`: of one that is delayed, from `since` on.
 */
export type Message = Mutable<core.StoredMessage> &
  Pick<LeaseRequest, 'holder'> &
  Sent & { arrival: number; line: number | null; delay: core.When; since: number; token: Token | null }
export type Event = Sent & { readonly topic: string; readonly at: number }
type Sent = { readonly message: core.Message; readonly dedupeUntil: number; turn: number; isKept: boolean }
/** `cursor`: the turn of the first event that it is owed. */
export type Subscription = Mutable<Omit<settings.StoredSubscription, 'gaps'>> & { cursor: number }
type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

type Verdict = Extract<Change, { readonly token: Token } | { readonly messages: readonly core.MessageRef[] }>
type Condition = Partial<Pick<Extract<Change, { readonly do: 'put' }>, 'ifVersion' | 'expiresAt' | 'aliases'>>
/** A text says what is wrong with a change: then nothing of its commit is done, and an engine may name any such change. */
type Result = ChangeResult | RefusalCode

const COMMIT_MEMORY_MS = 600_000
const AT_ONCE: core.When = { afterMs: 0 }
const UNHELD = { token: null, leaseUntil: null, readyAt: null }
const UNTRIED = { acquired: 0, failed: 0, released: 0, endedAt: null, reason: null, cancelRequested: false }
const NEW = { ...UNTRIED, ...UNHELD, state: 'delayed', holder: 'client', line: null, turn: 0, isKept: true } as const

const isWaiting = ({ state }: Message): boolean => core.WAITING_STATES.includes(state)
const queueOf = ({ topic, name }: settings.Subscription): string => settings.subscriptionQueue(topic, name)
const wants = ({ topic, types, filters }: Subscription, { topic: of, message: { event } }: Event): boolean =>
  topic === of && compileTypes(types)(event.type) && compileFilters(filters)(event)

export class Model {
  nowMs = 0
  wallMs = 0
  /** Something happens in each: orders and names everything. */
  turn = 0
  state: State = { messages: [], records: [], subscriptions: [], events: [], commits: [] }

  commit({ id, changes }: Commit): { readonly replayed: boolean; readonly results: readonly Result[] } {
    const known = this.state.commits.find((each) => each.id === id && each.until > this.nowMs)
    if (known) return { replayed: true, results: known.results }
    const before = structuredClone(this.state)
    const results = changes.map((change) => this.#apply(change, changes))
    this.#follow()
    const done = results.filter((result) => typeof result !== 'string')
    if (done.length < results.length) this.state = before
    else if (id !== undefined) this.state.commits.push({ id, until: this.nowMs + COMMIT_MEMORY_MS, results: done })
    return { replayed: false, results }
  }

  /** `chosen`: what the engine handed out, in its order; taken over as far as it is allowed. */
  lease({ wants, leaseMs, holder }: LeaseRequest, chosen: readonly core.MessageRef[]): Message[] {
    const lease = { state: 'leased', holder, leaseUntil: this.nowMs + leaseMs } as const
    return wants.flatMap(({ queue, max }) => {
      const preferred = chosen.filter((each) => each.queue === queue)
      return Array.from({ length: max }).flatMap((_, nth) => {
        const ready = this.#in(queue, 'ready')
        const allowed = ready.filter((each) => !ready.some((other) => this.#precedes(other, each)))
        const next = allowed.find(({ id }) => id === preferred[nth]?.id) ?? allowed[0]
        if (!next || this.settingsOf(queue).paused) return []
        return Object.assign(next, lease, { token: `token-${++this.turn}`, acquired: next.acquired + 1 })
      })
    })
  }

  extend(tokens: readonly Token[], leaseMs: number): ('kept' | 'stale' | 'cancel')[] {
    return tokens.map((token) => {
      const held = this.state.messages.find((each) => each.token === token)
      if (held) held.leaseUntil = this.nowMs + leaseMs
      return !held ? 'stale' : held.cancelRequested ? 'cancel' : 'kept'
    })
  }

  /** So much time passes on the engine's clock and on the wall's, in which nothing falls due but at the end. */
  pass(ms: number, wallMs: number = ms): void {
    this.nowMs += ms
    this.wallMs += wallMs
    this.sweep()
  }

  /** The engine is opened: the leases of the process that had it before lapse. */
  open(nowMs: number, wallMs: number): void {
    Object.assign(this, { nowMs, wallMs })
    for (const each of this.state.messages) if (each.token && each.holder === 'process') each.leaseUntil = nowMs
    this.sweep()
  }

  /** What time alone has made due happens. */
  sweep(): void {
    this.state.records = this.state.records.filter(({ expiresAt }) => (expiresAt ?? Infinity) > this.wallMs)
    for (const each of this.state.events) {
      const { ms = null, count = 0 } = this.#retention(each.topic) ?? {}
      const newer = this.state.events.filter(({ topic, turn }) => topic === each.topic && turn > each.turn)
      each.isKept &&= newer.length < count && each.at + (ms ?? Infinity) > this.nowMs
    }
    this.#follow()
    for (const each of this.#in(null, 'dead')) if (this.isUnbound(each.queue)) this.#end(each, 'discarded', each.reason)
    for (const each of this.state.messages.filter(({ state }) => core.ENDED_STATES.includes(state)))
      each.isKept &&= each.endedAt! + this.settingsOf(each.queue).keep.endedMs > this.nowMs
    this.#follow()
  }

  #apply(change: Change, changes: readonly Change[]): Result {
    this.#follow()
    const { nowMs, state } = this
    if ('token' in change) {
      const held = state.messages.find(({ token }) => token === change.token)
      return held && this.#decide(held, change) ? null : 'stale'
    }
    if ('messages' in change) {
      const isMeant = (each: Message) => change.messages.some(({ queue, id }) => queue === each.queue && id === each.id)
      return { count: state.messages.filter(isMeant).filter((each) => this.#decide(each, change)).length }
    }
    switch (change.do) {
      case 'send': {
        const { queue, message } = change
        const sent = this.#in(queue)
        const first = this.#first(sent, message) ?? sent.find(({ id, isKept }) => isKept && id === message.id)
        if (first) return { id: first.message.id, duplicate: true }
        if (this.#living(queue) >= this.#limit(queue) && !changes.some((other) => 'token' in other)) return 'full'
        this.#insert(queue, message)
        return { id: message.id, duplicate: false }
      }
      case 'publish': {
        const { topic, message } = change
        const published = state.events.filter((each) => each.topic === topic)
        const first = this.#first(published, message)
        if (first) return { id: first.message.id, duplicate: true, routed: 0 }
        const dedupeUntil = nowMs + settings.DEFAULT_QUEUE.dedupeWindowMs
        const event = { topic, message, at: nowMs, dedupeUntil, turn: ++this.turn, isKept: true }
        state.events.push(event)
        const wanting = state.subscriptions.filter((each) => wants(each, event))
        for (const each of wanting) this.#feed(each, event.turn)
        if (!this.#retention(topic) && !message.dedupe) state.events.pop()
        return { id: message.id, duplicate: false, routed: wanting.filter(({ status }) => status === 'live').length }
      }
      case 'put':
      case 'remove':
        return this.#put(change.key, change, 'value' in change ? change.value : undefined)
      case 'configure':
        return this.#put(settings.settingsKey(change.queue), change, change.settings)
      case 'retain':
        return this.#put(settings.topicKey(change.topic), change, change.retention)
      case 'bind': {
        const { topic, name, from } = change.subscription
        const known = this.subscriptionOf(settings.subscriptionQueue(topic, name))
        if (!known && from !== 'now' && !this.#retention(topic)) return 'unsupported'
        if (known) Object.assign(known, change.subscription)
        else state.subscriptions.push({ ...change.subscription, status: 'live', cursor: from === 'now' ? Infinity : 0 })
        return this.#put(settings.subscriptionKey(topic, name), change, null)
      }
      case 'unbind': {
        const queue = settings.subscriptionQueue(change.topic, change.name)
        for (const each of this.#in(queue)) this.#decide(each, { do: 'discard', messages: [] })
        state.subscriptions = state.subscriptions.filter((each) => queueOf(each) !== queue)
        return this.#put(settings.subscriptionKey(change.topic, change.name), {}, undefined)
      }
      case 'restore':
        throw new RangeError('the oracle takes in no messages of other engines')
    }
  }

  /** What its holder or somebody else says of a message; whether that can be done to it. */
  #decide(each: Message, change: Verdict): boolean {
    const { do: verb } = change
    if ('error' in change) {
      const delayMs = 'delay' in change ? this.timeOf(change.delay, this.nowMs) - this.nowMs : null
      each.failures = [...each.failures, { ...change.error, at: this.nowMs, delayMs }].slice(-core.KEPT_FAILURES)
      each.failed++
    }
    if (verb === 'release' || verb === 'drop') each.released++
    if ('delay' in change) Object.assign(each, UNHELD, { state: 'delayed', delay: change.delay, since: this.nowMs })
    else if (verb === 'ack') this.#end(each, 'acked')
    else if (verb === 'bury') this.#end(each, 'dead', change.error.code)
    else if (verb === 'drop') this.#end(each, 'cancelled', change.reason)
    else if (verb === 'cancel' && each.state === 'leased') each.cancelRequested = true
    else if (verb === 'cancel' && isWaiting(each)) this.#end(each, 'cancelled')
    else if (verb === 'redrive' && each.state === 'dead')
      Object.assign(each, UNTRIED, { state: 'held', line: ++this.turn })
    else if (verb === 'discard' && (isWaiting(each) || each.state === 'dead')) this.#end(each, 'discarded', each.reason)
    else return false
    return true
  }

  /** What its holder decides is not reported. */
  #end(each: Message, state: 'acked' | core.Report['state'], reason: string | null = null): void {
    const { body: _, ...message } = each.message
    const report = each.token === null ? message.report : undefined
    const { acked, endedMs } = this.settingsOf(each.queue).keep
    const isKept = state === 'dead' || (endedMs > 0 && (state !== 'acked' || acked))
    Object.assign(each, UNHELD, { state, reason, endedAt: this.nowMs, turn: ++this.turn, line: null, isKept })
    const event = { id: `made-${this.turn}`, source: '/', type: core.REPORT_TYPE, datacontenttype: 'application/json' }
    const body = new TextEncoder().encode(JSON.stringify({ ...each, message }))
    if (report) this.#insert(report, { id: event.id, event, body, priority: core.DEFAULT_PRIORITY })
  }

  /** What follows by itself: who waits in vain ends, who is due gets in line, who is first in line is ready. */
  #follow(): void {
    const { nowMs, state } = this
    for (const each of state.events) each.isKept &&= Boolean(this.#retention(each.topic))
    for (const each of state.messages) {
      const lapses = each.acquired - each.failed - each.released
      const isLapsed = each.state === 'leased' && each.leaseUntil! <= nowMs
      if (isLapsed) Object.assign(each, UNHELD, { state: 'delayed', delay: AT_ONCE, since: nowMs })
      if (!isWaiting(each)) continue
      if (each.cancelRequested) this.#end(each, 'cancelled')
      else if (isLapsed && lapses > this.settingsOf(each.queue).maxLapses) this.#end(each, 'dead', 'lapsed')
      else if (this.timeOf(each.message.expires, each.sentAt) <= nowMs) this.#end(each, 'expired')
      else if (this.isUnbound(each.queue)) this.#end(each, 'discarded')
    }
    for (const each of state.subscriptions) this.#feed(each)
    const turn = ++this.turn
    const dueAt = ({ delay, since }: Message) => this.timeOf(delay, since)
    for (const each of this.#in(null, 'delayed').sort((one, other) => dueAt(one) - dueAt(other)))
      if (dueAt(each) <= nowMs) Object.assign(each, { state: 'held', line: each.line ?? ++this.turn })
    for (const each of this.#in(null, 'held')) {
      const ahead = this.#in(each.queue).filter(({ line }) => line !== null && line < each.line!)
      const isBehind = ahead.some((other) => this.#lineOf(other) === this.#lineOf(each))
      if (!isBehind) Object.assign(each, { state: 'ready', readyAt: nowMs, turn })
    }
  }

  /** A subscription gets what it is owed until its queue is full: then it is suspended until that is below half its limit. */
  #feed(to: Subscription, turn: number = Infinity): void {
    to.cursor = this.#retention(to.topic) ? Math.min(to.cursor, turn) : turn
    const queue = queueOf(to)
    const limit = this.#limit(queue)
    if (to.status === 'suspended' && this.#living(queue) * 2 >= limit) return
    const owed = this.state.events.filter((event) => event.isKept && event.turn >= to.cursor && wants(to, event))
    const left = owed.find(({ message }) => this.#living(queue) >= limit || !this.#insert(queue, message))
    Object.assign(to, left ? { status: 'suspended', cursor: left.turn } : { status: 'live', cursor: Infinity })
  }

  /** Puts a record, or removes it where there is no value. */
  #put(key: string, { ifVersion, expiresAt, aliases = [] }: Condition, value: unknown): Result {
    const known = this.state.records.find((record) => record.key === key)
    const version = `version-${++this.turn}`
    this.state.records = this.state.records.filter((record) => record !== known)
    if (value !== undefined) this.state.records.push({ key, value, version, expiresAt: expiresAt ?? null, aliases })
    if (ifVersion !== undefined && ifVersion !== (known?.version ?? null)) return 'conflict'
    return value === undefined ? null : { version }
  }

  #insert(queue: string, message: core.Message): number {
    const { id, delay = AT_ONCE } = message
    const times = { sentAt: this.nowMs, since: this.nowMs, delay, arrival: ++this.turn }
    const dedupeUntil = this.nowMs + this.settingsOf(queue).dedupeWindowMs
    return this.state.messages.push({ queue, id, message, ...NEW, ...times, dedupeUntil, failures: [] })
  }

  /** Whether the laws want `a` handed out before `b`. Without aging, priority counts more than any difference of place. */
  #precedes(a: Message, b: Message): boolean {
    const { by, agingMs = 1e12 } = this.settingsOf(a.queue).pick
    const place = ({ readyAt, message }: Message) => readyAt! - (by === 'fifo' ? 0 : message.priority * agingMs)
    return place(a) === place(b) ? a.arrival < b.arrival && a.turn < b.turn : place(a) < place(b)
  }

  /** When a moment is on the engine's clock. */
  timeOf = (moment: core.When | undefined, since: number): number =>
    !moment ? Infinity : 'at' in moment ? this.nowMs + moment.at - this.wallMs : since + moment.afterMs
  settingsOf = (queue: string): settings.QueueSettings =>
    (this.#valueOf(settings.settingsKey(queue)) ?? settings.DEFAULT_QUEUE) as settings.QueueSettings
  subscriptionOf = (queue: string): Subscription | undefined =>
    this.state.subscriptions.find((each) => queueOf(each) === queue)
  isUnbound = (queue: string): boolean => queue.startsWith('topic:') && !this.subscriptionOf(queue)
  #retention = (topic: string): settings.Retention | null | undefined =>
    this.#valueOf(settings.topicKey(topic)) as settings.Retention | null | undefined
  #valueOf = (key: string): unknown => this.state.records.find((record) => record.key === key)?.value
  #first = <T extends Sent>(sent: T[], { dedupe }: core.Message): T | undefined =>
    sent.find((each) => dedupe !== undefined && each.message.dedupe === dedupe && each.dedupeUntil > this.nowMs)
  /** Messages of one line go one at a time; without a key each is a line of its own. */
  #lineOf = ({ queue, id, message: { key = id } }: Message): string =>
    ({ none: id, key, strict: 'all' })[this.subscriptionOf(queue)?.order ?? 'key']
  #living = (queue: string): number => this.#in(queue).filter(({ endedAt }) => endedAt === null).length
  #limit = (queue: string): number => this.settingsOf(queue).limit.messages ?? Infinity
  #in = (queue: string | null, state?: core.State): Message[] =>
    this.state.messages.filter((each) => each.queue === (queue ?? each.queue) && each.state === (state ?? each.state))
}
