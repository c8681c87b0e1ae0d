/**
 * The oracle: what an engine must answer, in arrays and scans, written from the laws alone. It shares nothing with any
 * engine and is as slow as it is plain. Where the contract leaves the choice (which of equals is handed out first) it takes
 * the engine's, if that is allowed. It is asked only what is well-formed: what is not, the cases of *bounded* ask.
 */
import type { Change, ChangeResult, Commit, LeaseRequest, RefusalCode, Token, Version } from '../core/engine.ts'
import { compileFilters, compileTypes } from '../core/filter.ts'
import { toJsonBytes } from '../core/json.ts'
import * as core from '../core/message.ts'
import { EVENTS_TOPIC } from '../core/name.ts'
import * as settings from '../core/settings.ts'
import type * as model from './model-state.ts'

type Result = ChangeResult | RefusalCode
type IfVersion = Version | null | undefined
type Ending = 'acked' | 'dead' | 'expired' | 'cancelled' | 'discarded'

const COMMIT_MEMORY_MS = 600_000
const KEPT_GAPS = 20
const NOTHING: settings.Retention = { ms: null, count: 0 }
const NEW = { acquired: 0, failed: 0, released: 0, endedAt: null, reason: null, line: null, turn: 0 }
const FREE = { token: null, leaseUntil: null, due: null }
const isWaiting = ({ state }: core.StoredMessage): boolean => core.WAITING_STATES.includes(state)
const isLiving = (each: core.StoredMessage): boolean => each.state === 'leased' || isWaiting(each)
const after = (at: number | null, ms: number | null): number => (at === null || ms === null ? Infinity : at + ms)
const queueOf = ({ topic, name }: model.Subscription): string => settings.subscriptionQueue(topic, name)
const wants = ({ types, filters }: model.Subscription, { event }: core.Message): boolean =>
  compileTypes(types)(event.type) && compileFilters(filters)(event)
const drop = <T>(list: T[], isOut: (each: T) => boolean): unknown =>
  list.splice(0, Infinity, ...list.filter((each) => !isOut(each)))

export class Model {
  nowMs: number
  wallMs: number
  /** The states before each change: what a crash may fall back to. */
  past: model.State[] = []
  state: model.State = { queues: [], messages: [], records: [], topics: [], subscriptions: [], firsts: [], commits: [] }
  #serial = 0

  constructor(nowMs: number, wallMs: number) {
    this.nowMs = nowMs
    this.wallMs = wallMs
  }

  commit({ id, changes }: Commit): model.Answer {
    this.sweep()
    const known = this.state.commits.find((each) => each.id === id)
    if (known) return { status: 'committed', replayed: true, results: known.results }
    this.#begin()
    const limited = !changes.some((change) => 'token' in change)
    const results = changes.map((change) => {
      const result = this.#apply(change, limited)
      this.#seat()
      return result
    })
    for (const queue of this.state.queues) this.#trim(queue)
    this.#seat()
    const faults = results.flatMap((code, at) => (typeof code === 'string' ? [{ code, at }] : []))
    if (faults.length > 0) this.state = this.past.pop()!
    if (faults.length > 0) return { status: 'refused', faults }
    const done = results as ChangeResult[]
    if (id !== undefined) this.state.commits.push({ id, until: this.nowMs + COMMIT_MEMORY_MS, results: done })
    return { status: 'committed', replayed: false, results: done }
  }

  /** `chosen`: what the engine handed out, in its order; taken over as far as it is allowed. */
  lease({ wants: wanted, leaseMs, holder }: LeaseRequest, chosen: readonly core.MessageRef[]): model.Message[] {
    this.sweep()
    this.#begin()
    const leaseUntil = this.nowMs + leaseMs
    return wanted.flatMap(({ queue, max }) => {
      const given: model.Message[] = []
      const preferred = chosen.filter((each) => each.queue === queue)
      for (let ready = this.#in(queue, 'ready'); given.length < max; ready = this.#in(queue, 'ready')) {
        const allowed = ready.filter((each) => !ready.some((other) => this.#precedes(other, each)))
        const next = allowed.find(({ id }) => id === preferred[given.length]?.id) ?? allowed[0]
        if (!next || this.#queue(queue).settings.paused) break
        const token = `token-${++this.#serial}`
        given.push(Object.assign(next, { state: 'leased', token, leaseUntil, holder, acquired: next.acquired + 1 }))
      }
      return given
    })
  }

  extend(tokens: readonly Token[], leaseMs: number): ('kept' | 'stale' | 'cancel')[] {
    this.sweep()
    this.#begin()
    return tokens.map((token) => {
      const held = this.state.messages.find((each) => each.token === token)
      if (held) held.leaseUntil = this.nowMs + leaseMs
      return !held ? 'stale' : held.cancelRequested ? 'cancel' : 'kept'
    })
  }

  /** Time passes on both clocks; what falls due on the way happens at its moment. */
  advance(ms: number): void {
    const untilMs = this.nowMs + ms
    while (this.nowMs < untilMs) {
      const passed = Math.min(untilMs, ...this.dueTimes()) - this.nowMs
      this.nowMs += passed
      this.wallMs += passed
      this.sweep()
    }
  }

  stepWall(ms: number): void {
    this.wallMs += ms
    this.sweep()
  }

  /** Another oracle that is in the given state. */
  fork(state: model.State): Model {
    const fork = new Model(this.nowMs, this.wallMs)
    fork.#serial = this.#serial
    fork.state = state
    return fork
  }

  /** The engine is opened again: the leases of the process that had it lapse. */
  restart(nowMs: number, wallMs: number): void {
    Object.assign(this, { nowMs, wallMs })
    this.#begin()
    for (const each of this.#in(null, 'leased')) if (each.holder === 'process') each.leaseUntil = nowMs
    this.sweep()
  }

  /** Engine times, all to come, at which something may happen by itself. */
  dueTimes(): number[] {
    const times = this.state.messages.flatMap(({ due, expires, leaseUntil, endedAt, queue, state }) => {
      const { deadMs, endedMs } = this.#queue(queue).settings.keep
      const moments = [due, expires].flatMap((moment) => (moment ? [this.nowMs + moment.at - this[moment.clock]] : []))
      return [...moments, leaseUntil ?? Infinity, after(endedAt, state === 'dead' ? deadMs : endedMs)]
    })
    for (const { events, retention } of this.state.topics) times.push(...events.map(({ at }) => after(at, retention.ms)))
    return times.filter((time) => time > this.nowMs)
  }

  /** What time alone has made due happens. */
  sweep(): void {
    this.#begin()
    for (const each of this.state.messages) {
      if (isWaiting(each) && this.#isPast(each.expires)) this.#end(each, 'expired', null)
      if (each.state === 'leased' && each.leaseUntil! <= this.nowMs) this.#lapse(each)
    }
    for (const queue of this.state.queues) this.#trim(queue)
    this.#seat()
    drop(this.state.records, ({ expiresAt }) => (expiresAt ?? Infinity) <= this.wallMs)
    drop(this.state.firsts, ({ until }) => until <= this.nowMs)
    drop(this.state.commits, ({ until }) => until <= this.nowMs)
    for (const topic of this.state.topics) this.#forget(topic, topic.retention.count)
  }

  #apply(change: Change, limited: boolean): Result {
    const { state } = this
    switch (change.do) {
      case 'send':
        return this.#send(change.queue, change.message, limited)
      case 'publish':
        return this.#publish(change.topic, change.message)
      case 'put':
        return this.#put(change.key, change.ifVersion, change.value, change.expiresAt, change.aliases)
      case 'remove': {
        const known = state.records.find(({ key }) => key === change.key)
        drop(state.records, (each) => each === known)
        return change.ifVersion !== undefined && known?.version !== change.ifVersion ? 'conflict' : null
      }
      case 'configure':
        this.#queue(change.queue).settings = change.settings
        return this.#put(settings.settingsKey(change.queue), change.ifVersion, toJsonBytes(change.settings))
      case 'retain': {
        const { topic, retention } = change
        const kept = this.#kept(topic) ?? { name: topic, retention: NOTHING, events: [] }
        if (!retention) this.#forget(kept, 0)
        for (const each of state.subscriptions) if (each.topic === topic && !retention) each.cursor = null
        drop(state.topics, (each) => each === kept)
        if (retention) state.topics.push({ ...kept, retention })
        return this.#put(settings.topicKey(topic), change.ifVersion, toJsonBytes(retention))
      }
      case 'bind':
        return this.#bind(change.subscription, change.ifVersion)
      case 'unbind': {
        const known = this.#bound(change.topic, change.name)
        for (const each of known ? this.#in(queueOf(known)) : []) this.#decide(each, 'discard')
        if (known) Object.assign(this.#queue(queueOf(known)), { isClosed: true, wasClosed: true })
        drop(state.subscriptions, (each) => each === known)
        drop(state.records, ({ key }) => key === settings.subscriptionKey(change.topic, change.name))
        return null
      }
      case 'cancel':
      case 'redrive':
      case 'discard': {
        const isMeant = (each: model.Message) => change.messages.some((ref) => ref.queue === each.queue && ref.id === each.id)
        const meant = state.messages.filter(isMeant)
        return { count: meant.filter((each) => this.#decide(each, change.do)).length }
      }
      case 'restore':
        throw new RangeError('the oracle takes in no messages of other engines')
      default:
        return this.#settle(change)
    }
  }

  /** The outcomes: what a holder says of the message that its token names. */
  #settle(change: Extract<Change, { readonly token: Token }>): null | 'stale' {
    const held = this.state.messages.find(({ token }) => token === change.token)
    if (!held) return 'stale'
    if ('error' in change) {
      const delay = change.do === 'retry' ? change.delay : null
      const delayMs = delay && ('at' in delay ? delay.at - this.wallMs : delay.afterMs)
      held.failures = [...held.failures, { ...change.error, at: this.nowMs, delayMs }].slice(-core.KEPT_FAILURES)
      held.failed++
    } else if (change.do !== 'ack') held.released++
    if (change.do === 'ack') this.#end(held, 'acked', null, false)
    else if (change.do === 'bury') this.#end(held, 'dead', change.error.code, false)
    else if (change.do === 'drop') this.#end(held, 'cancelled', change.reason, false)
    else this.#giveBack(held, change.delay)
    const isKept = change.do !== 'ack' || this.#queue(held.queue).settings.keep.acked
    drop(this.state.messages, (each) => each === held && !isKept)
    return null
  }

  /** What somebody else than the holder decides; whether it changed anything. */
  #decide(each: model.Message, verb: 'cancel' | 'redrive' | 'discard'): boolean {
    const isDead = each.state === 'dead'
    if (verb === 'redrive' && isDead) Object.assign(each, NEW, { state: 'held' })
    else if (verb === 'cancel' && each.state === 'leased') each.cancelRequested = true
    else if (verb === 'cancel' && isWaiting(each)) this.#end(each, 'cancelled', null)
    else if (verb === 'discard' && (isWaiting(each) || isDead)) this.#end(each, 'discarded', each.reason)
    else return false
    return true
  }

  #giveBack(each: model.Message, delay: core.When): void {
    Object.assign(each, FREE, { state: 'delayed', due: this.#moment(delay) })
    if (each.cancelRequested) this.#end(each, 'cancelled', null)
    else if (this.#isPast(each.expires)) this.#end(each, 'expired', null)
    else if (this.#queue(each.queue).isClosed) this.#end(each, 'discarded', null)
  }

  #lapse(each: model.Message): void {
    const isPoison = each.acquired - each.failed - each.released > this.#queue(each.queue).settings.maxLapses
    if (isPoison && !each.cancelRequested) this.#end(each, 'dead', 'lapsed')
    else this.#giveBack(each, { afterMs: 0 })
  }

  #end(each: model.Message, state: Ending, reason: string | null, isTold = true): void {
    Object.assign(each, FREE, { state, reason, endedAt: this.nowMs, turn: ++this.#serial, line: null })
    const queue = this.#queue(each.queue)
    if (state !== 'dead') queue.ended = { ...queue.ended, [state]: queue.ended[state] + 1 }
    const { body: _, ...message } = each.message
    if (isTold && message.report) this.#insert(message.report, this.#made(core.REPORT_TYPE, { ...each, message }))
  }

  /** Who is due gets in line, who is first in line is ready, and what is kept of the ended stays within its bounds. */
  #seat(): void {
    for (const each of this.state.subscriptions) this.#catchUp(each)
    const turn = ++this.#serial
    const isDue = ({ state, due }: model.Message) => state === 'delayed' && this.#isPast(due)
    for (const each of this.state.messages) if (isDue(each)) Object.assign(each, { state: 'held', due: null })
    for (const each of this.#in(null, 'held')) each.line ??= ++this.#serial
    for (const each of this.#in(null, 'held')) {
      const ahead = this.#in(each.queue).filter(({ line }) => line !== null && line < each.line!)
      const isBehind = ahead.some((other) => this.#lineOf(other) === this.#lineOf(each) && this.#lineOf(each) !== null)
      if (!isBehind) Object.assign(each, { state: 'ready', readyAt: this.nowMs, turn })
    }
  }

  #trim({ name, isClosed, settings: { keep } }: model.Queue): void {
    const over = (kept: model.Message[], count: number, ms: number | null) =>
      kept.filter(({ turn, endedAt }) => {
        return kept.filter((other) => other.turn > turn).length >= count || after(endedAt, ms) <= this.nowMs
      })
    for (const each of over(this.#in(name, 'dead'), isClosed ? 0 : keep.deadCount, keep.deadMs)) this.#decide(each, 'discard')
    const ended = this.#in(name).filter(({ state }) => core.ENDED_STATES.includes(state))
    const gone = over(ended, keep.endedCount, keep.endedMs)
    drop(this.state.messages, (each) => gone.includes(each))
  }

  #send(queue: string, message: core.Message, limited: boolean): Result {
    const isThere = this.#in(queue).some(({ id }) => id === message.id)
    const first = this.#first(`queue ${queue}`, message, isThere ? 0 : this.#queue(queue).settings.dedupeWindowMs)
    if (first !== undefined) return { id: first, duplicate: true }
    if (limited && this.#isFull(queue, message)) return 'full'
    return this.#insert(queue, message)
  }

  #publish(topic: string, message: core.Message): Result {
    const first = this.#first(`topic ${topic}`, message, settings.DEFAULT_QUEUE.dedupeWindowMs)
    if (first !== undefined) return { id: first, duplicate: true, routed: 0 }
    const kept = this.#kept(topic)
    const event = { position: ++this.#serial, at: this.nowMs, message }
    if (kept) kept.events = [...kept.events, event]
    const wanting = this.state.subscriptions.filter((each) => each.topic === topic && wants(each, message))
    const routed = wanting.filter((each) => this.#route(each, event, kept !== undefined)).length
    return { id: message.id, duplicate: false, routed }
  }

  /** Into the queue. If that is full it is suspended: on a kept topic it remembers where, else it notes the gap. */
  #route(to: model.Subscription, event: model.Event, isKept: boolean): boolean {
    const wasLive = to.status === 'live'
    if (wasLive && !this.#isFull(queueOf(to), event.message)) return !this.#insert(queueOf(to), event.message).duplicate
    if (wasLive) Object.assign(to, { status: 'suspended', cursor: null, hasGap: false })
    if (isKept) to.cursor ??= event.position
    else this.#miss(to, event)
    if (wasLive) this.#publish(EVENTS_TOPIC, this.#made('posthorn.subscription.suspended', null))
    return false
  }

  #miss(to: model.Subscription, { at, message }: model.Event): void {
    if (!wants(to, message)) return
    if (!to.hasGap) to.gaps = [...to.gaps, { from: at, to: at, count: 0 }].slice(-KEPT_GAPS)
    to.gaps = to.gaps.map((gap) => (gap === to.gaps.at(-1) ? { ...gap, to: at, count: gap.count + 1 } : gap))
    to.hasGap = true
  }

  /** What a topic keeps no longer is a gap for those who were still owed it. */
  #forget(topic: model.Topic, keptCount: number): void {
    const gone = topic.events.filter(
      ({ at }, place, { length }) => length - place > keptCount || after(at, topic.retention.ms) <= this.nowMs,
    )
    if (gone.length > 0) topic.events = topic.events.slice(gone.length)
    for (const each of this.state.subscriptions.filter(({ topic: of, cursor }) => of === topic.name && cursor !== null)) {
      for (const event of gone) if (event.position >= each.cursor!) this.#miss(each, event)
    }
  }

  /** A suspended subscription goes on once its queue is below half its limit; on a kept topic with what it missed. */
  #catchUp(each: model.Subscription): void {
    const limit = this.#queue(queueOf(each)).settings.limit.messages ?? Infinity
    const isSuspended = each.status === 'suspended'
    if (each.status === 'live' || (isSuspended && this.#in(queueOf(each)).filter(isLiving).length * 2 >= limit)) return
    const kept = this.#kept(each.topic)?.events ?? []
    const owed = kept.filter((event) => event.position >= (each.cursor ?? Infinity) && wants(each, event.message))
    const missed = owed.find(({ message }) => this.#isFull(queueOf(each), message) || !this.#insert(queueOf(each), message))
    Object.assign(each, missed ? { status: 'suspended', cursor: missed.position } : { status: 'live', cursor: null })
    if (isSuspended && !missed) this.#publish(EVENTS_TOPIC, this.#made('posthorn.subscription.resumed', null))
  }

  #bind(subscription: settings.Subscription, ifVersion: IfVersion): Result {
    const { topic, name, from } = subscription
    const [kept, known] = [this.#kept(topic), this.#bound(topic, name)]
    if (!known && from !== 'now' && !kept) return 'unsupported'
    const isAfter = ({ at, position }: model.Event, start: object) =>
      'at' in start ? at >= Number(start.at) : 'position' in start && position > Number(start.position)
    const isOwed = (event: model.Event) => from === 'beginning' || (from !== 'now' && isAfter(event, from))
    const cursor = kept?.events.find(isOwed)?.position ?? null
    const status = cursor === null ? ('live' as const) : ('catching-up' as const)
    if (known) Object.assign(known, subscription)
    else this.state.subscriptions.push({ ...subscription, gaps: [], hasGap: false, cursor, status })
    this.#queue(settings.subscriptionQueue(topic, name), settings.DEFAULT_SUBSCRIPTION_QUEUE).isClosed = false
    return this.#put(settings.subscriptionKey(topic, name), ifVersion, toJsonBytes(null))
  }

  #put(key: string, ifVersion: IfVersion, value: Uint8Array, at?: number, aliases: readonly string[] = []): Result {
    const { records } = this.state
    const known = records.find((record) => record.key === key)
    drop(records, (record) => record === known)
    records.push({ key, value, version: `version-${++this.#serial}`, expiresAt: at ?? null, aliases })
    const isAsWanted = ifVersion === undefined || ifVersion === (known?.version ?? null)
    return isAsWanted ? { version: records.at(-1)!.version } : 'conflict'
  }

  #insert(queue: string, message: core.Message): { id: string; duplicate: boolean } {
    this.#queue(queue)
    const { id, delay = { afterMs: 0 }, expires } = message
    if (this.#in(queue).some((each) => each.id === id)) return { id, duplicate: true }
    const moments = { due: this.#moment(delay), expires: expires ? this.#moment(expires) : null }
    const times = { arrival: ++this.#serial, sentAt: this.nowMs, readyAt: null, ...moments }
    const rest = { state: 'delayed', holder: 'client', failures: [], cancelRequested: false } as const
    this.state.messages.push({ queue, id, message, ...NEW, ...FREE, ...times, ...rest })
    return { id, duplicate: false }
  }

  /** A message of the engine's own: about an ended message, or an operational event. */
  #made(type: string, about: object | null): core.Message {
    const id = `made-${++this.#serial}`
    const event = { id, source: 'posthorn:engine', type, datacontenttype: 'application/json' }
    return { id, event, body: toJsonBytes(about), priority: core.DEFAULT_PRIORITY }
  }

  /** The id of who was first to use a dedupe text; it is remembered where that is this one. */
  #first(of: string, { id, dedupe }: core.Message, windowMs: number): string | undefined {
    const scope = `${of} ${dedupe}`
    const known = this.state.firsts.find((each) => each.scope === scope && each.until > this.nowMs)
    if (dedupe !== undefined && !known) this.state.firsts.push({ scope, id, until: this.nowMs + windowMs })
    return known?.id
  }

  #precedes(a: model.Message, b: model.Message): boolean {
    const { by, agingMs } = this.#queue(a.queue).settings.pick
    const rank = ({ readyAt, message: { priority } }: model.Message): readonly number[] =>
      by === 'fifo' ? [0, readyAt!] : agingMs === undefined ? [-priority, readyAt!] : [readyAt! - priority * agingMs]
    const differs = rank(a).findIndex((each, at) => each !== rank(b)[at])
    return differs < 0 ? a.arrival < b.arrival && a.turn < b.turn : rank(a)[differs]! < rank(b)[differs]!
  }

  #lineOf({ queue, message: { key } }: model.Message): string | null {
    const order = this.state.subscriptions.find((each) => queueOf(each) === queue)?.order ?? 'key'
    return order === 'strict' ? 'all' : order === 'none' || key === undefined ? null : `key ${key}`
  }

  #queue(name: string, defaults: settings.QueueSettings = settings.DEFAULT_QUEUE): model.Queue {
    const known = this.state.queues.find((each) => each.name === name)
    const ended = { acked: 0, expired: 0, cancelled: 0, discarded: 0 }
    if (!known) this.state.queues.push({ name, settings: defaults, ended, isClosed: false, wasClosed: false })
    return known ?? this.state.queues.at(-1)!
  }

  readonly #in = (queue: string | null, state?: core.State): model.Message[] =>
    this.state.messages.filter((each) => each.queue === (queue ?? each.queue) && each.state === (state ?? each.state))
  readonly #isFull = (queue: string, { id }: core.Message): boolean =>
    this.#in(queue).filter(isLiving).length >= (this.#queue(queue).settings.limit.messages ?? Infinity) &&
    !this.#in(queue).some((each) => each.id === id)
  readonly #moment = (when: core.When): model.Moment =>
    'at' in when ? { clock: 'wallMs', at: when.at } : { clock: 'nowMs', at: this.nowMs + when.afterMs }
  readonly #isPast = (moment: model.Moment | null): boolean => moment !== null && moment.at <= this[moment.clock]
  readonly #kept = (topic: string) => this.state.topics.find(({ name }) => name === topic)
  readonly #bound = (topic: string, name: string) =>
    this.state.subscriptions.find((each) => each.topic === topic && each.name === name)

  /** What follows happens to a copy, so that what was before can be gone back to. */
  #begin(): void {
    const copies = Object.entries(this.state).map(([name, list]) => [name, list.map((each: object) => ({ ...each }))])
    this.past.push(this.state)
    this.state = Object.fromEntries(copies) as model.State
  }
}
