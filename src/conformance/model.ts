/**
 * The oracle: what an engine must answer, in arrays and scans, written from the laws alone. It shares nothing with any
 * engine and is as slow as it is plain. Where the contract leaves the choice (which of equals is handed out first) it takes
 * the engine's, if that is allowed. `past` holds the states before each change: what a crash may fall back to.
 */
import type { Change, ChangeResult, Commit, LeaseRequest, RefusalCode, Token, Version } from '../core/engine.ts'
import { compileFilters, compileTypes } from '../core/filter.ts'
import { toJsonBytes } from '../core/json.ts'
import { DEFAULT_PRIORITY, ENDED_STATES, faultOfMessage, faultOfWhen, KEPT_FAILURES } from '../core/message.ts'
import { REPORT_TYPE, WAITING_STATES, type Message, type MessageRef, type StoredMessage, type When } from '../core/message.ts'
import { EVENTS_TOPIC, isQueueName, isTopicName } from '../core/name.ts'
import { isRecordKey, isSettingsKey } from '../core/record.ts'
import * as settings from '../core/settings.ts'
import type { ModelAnswer, ModelEvent, ModelMessage, ModelQueue, ModelState, ModelSubscription, Moment } from './model-state.ts'

type Result = ChangeResult | RefusalCode
type IfVersion = Version | null | undefined

const COMMIT_MEMORY_MS = 600_000
const isWaiting = ({ state }: StoredMessage): boolean => WAITING_STATES.includes(state)
const isLiving = (each: StoredMessage): boolean => each.state === 'leased' || isWaiting(each)
const queueOf = ({ topic, name }: ModelSubscription): string => settings.subscriptionQueue(topic, name)
const wants = ({ types, filters }: ModelSubscription, { event }: Message): boolean =>
  compileTypes(types)(event.type) && compileFilters(filters)(event)
const drop = <T>(list: T[], isOut: (each: T) => boolean): T[] => list.splice(0, Infinity, ...list.filter((each) => !isOut(each)))

export class Model {
  nowMs: number
  wallMs: number
  past: ModelState[] = []
  state: ModelState = { queues: [], messages: [], records: [], topics: [], subscriptions: [], firsts: [], commits: [] }
  #serial = 0

  constructor(nowMs: number, wallMs: number) {
    this.nowMs = nowMs
    this.wallMs = wallMs
  }

  commit({ id, changes }: Commit): ModelAnswer {
    this.sweep()
    const known = this.state.commits.find((each) => each.id === id)
    if (known) return { status: 'committed', replayed: true, results: known.results }
    this.#begin()
    const settles = changes.some((change) => 'token' in change)
    const results = changes.map((change) => {
      const result = this.#apply(change, !settles)
      this.#seat()
      return result
    })
    const faults = results.flatMap((code, at) => (typeof code === 'string' ? [{ code, at }] : []))
    if (faults.length > 0) this.state = this.past.pop()!
    if (faults.length > 0) return { status: 'refused', faults }
    const done = results as ChangeResult[]
    if (id !== undefined) this.state.commits.push({ id, until: this.nowMs + COMMIT_MEMORY_MS, results: done })
    return { status: 'committed', replayed: false, results: done }
  }

  /** `chosen`: what the engine handed out, in its order; taken over as far as it is allowed. */
  lease({ wants, leaseMs, holder }: LeaseRequest, chosen: readonly MessageRef[]): ModelMessage[] {
    this.sweep()
    this.#begin()
    return wants.flatMap(({ queue, max }) => {
      const preferred = chosen.filter((each) => each.queue === queue)
      return Array.from({ length: max }, (_, at) => {
        const ready = this.#in(queue, 'ready').filter(() => !this.#queue(queue).settings.paused)
        const allowed = ready.filter((each) => !ready.some((other) => this.#precedes(other, each)))
        const next = allowed.find(({ id }) => id === preferred[at]?.id) ?? allowed[0]
        const [token, leaseUntil] = [`token-${++this.#serial}`, this.nowMs + leaseMs]
        return next && Object.assign(next, { state: 'leased', token, leaseUntil, holder, acquired: next.acquired + 1 })
      }).filter((each) => each !== undefined)
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
    for (const untilMs = this.nowMs + ms; this.nowMs < untilMs; ) {
      const passed = Math.min(untilMs, ...this.dueTimes()) - this.nowMs
      this.nowMs += passed
      this.wallMs += passed
      this.sweep()
    }
  }

  /** Another process opens what was left: the leases of processes lapse. */
  restart(left: ModelState, nowMs: number, wallMs: number): void {
    Object.assign(this, { state: left, nowMs, wallMs, past: [] })
    this.#begin()
    for (const each of this.#in(null, 'leased')) if (each.holder === 'process') each.leaseUntil = nowMs
    this.sweep()
  }

  /** Engine times, all to come, at which something may happen by itself. */
  dueTimes(): number[] {
    const of = (at: number | null | undefined): Moment[] => (at == null ? [] : [{ clock: 'nowMs', at }])
    const moments = this.state.messages.flatMap(({ due, expires, leaseUntil, endedAt, queue, state }) => {
      const { deadMs, endedMs } = this.#queue(queue).settings.keep
      const kept = endedAt === null ? [] : of(endedAt + ((state === 'dead' ? deadMs : endedMs) ?? Infinity))
      return [due, expires].filter((moment) => moment !== null).concat(of(leaseUntil), kept)
    })
    const times = moments.map(({ clock, at }) => this.nowMs + at - this[clock])
    const kept = this.state.topics.flatMap(({ events, retention: { ms } }) => events.map(({ at }) => at + (ms ?? Infinity)))
    return [...times, ...kept].filter((time) => time > this.nowMs)
  }

  /** What time alone has made due happens. */
  sweep(): void {
    this.#begin()
    for (const each of this.state.messages) {
      if (isWaiting(each) && this.#isPast(each.expires)) this.#end(each, 'expired', null)
      if (each.state === 'leased' && each.leaseUntil! <= this.nowMs) this.#lapse(each)
    }
    this.#seat()
    drop(this.state.records, ({ expiresAt }) => expiresAt !== null && expiresAt <= this.wallMs)
    drop(this.state.firsts, ({ until }) => until <= this.nowMs)
    drop(this.state.commits, ({ until }) => until <= this.nowMs)
    for (const topic of this.state.topics) {
      const { ms, count } = topic.retention
      topic.events = topic.events.filter(({ at }, place, { length }) => length - place <= count && at + (ms ?? Infinity) > this.nowMs)
    }
  }

  #apply(change: Change, limited: boolean): Result {
    const { state } = this
    switch (change.do) {
      case 'send':
        if (!isQueueName(change.queue) || faultOfMessage(change.message, Infinity) !== null) return 'invalid'
        return this.#send(change.queue, change.message, limited)
      case 'publish':
        if (!isTopicName(change.topic) || faultOfMessage(change.message, Infinity) !== null) return 'invalid'
        return this.#publish(change.topic, change.message)
      case 'put': {
        const { key, value, ifVersion, expiresAt, aliases = [] } = change
        if ([key, ...aliases].some((text) => !isRecordKey(text) || isSettingsKey(text))) return 'invalid'
        return this.#put(key, value, ifVersion, expiresAt, aliases)
      }
      case 'remove': {
        const known = state.records.find(({ key }) => key === change.key)
        if (change.ifVersion !== undefined && known?.version !== change.ifVersion) return 'conflict'
        drop(state.records, (each) => each === known)
        return isSettingsKey(change.key) ? 'invalid' : null
      }
      case 'configure':
        if (!isQueueName(change.queue) || settings.faultOfSettings(change.settings) !== null) return 'invalid'
        if (change.settings.pick.by === 'deadline' || change.settings.pick.fair) return 'unsupported'
        this.#queue(change.queue).settings = change.settings
        return this.#put(settings.settingsKey(change.queue), toJsonBytes(change.settings), change.ifVersion)
      case 'retain': {
        const [known] = drop(state.topics, ({ name }) => name === change.topic).filter(({ name }) => name === change.topic)
        if (change.retention) state.topics.push({ name: change.topic, retention: change.retention, events: known?.events ?? [] })
        return isTopicName(change.topic) ? this.#put(settings.topicKey(change.topic), toJsonBytes(change.retention), change.ifVersion) : 'invalid'
      }
      case 'bind':
        return this.#bind(change.subscription, change.ifVersion)
      case 'unbind': {
        const known = state.subscriptions.find(({ topic, name }) => topic === change.topic && name === change.name)
        for (const each of known ? this.#in(queueOf(known)) : []) this.#decide(each, 'discard')
        drop(state.subscriptions, (each) => each === known)
        drop(state.records, ({ key }) => key === settings.subscriptionKey(change.topic, change.name))
        return null
      }
      case 'cancel':
      case 'redrive':
      case 'discard': {
        const meant = change.messages.flatMap(({ queue, id }) => this.#in(queue).filter((each) => each.id === id))
        return { count: meant.filter((each) => this.#decide(each, change.do)).length }
      }
      case 'restore':
        throw new RangeError('the oracle takes in no messages of other engines')
      default:
        if ('delay' in change && faultOfWhen(change.delay)) return 'invalid'
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
      held.failures = [...held.failures, { ...change.error, at: this.nowMs, delayMs }].slice(-KEPT_FAILURES)
      held.failed++
    } else if (change.do !== 'ack') held.released++
    if (change.do === 'ack') this.#end(held, 'acked', null, false)
    else if (change.do === 'bury') this.#end(held, 'dead', change.error.code, false)
    else if (change.do === 'drop') this.#end(held, 'cancelled', change.reason, false)
    else this.#giveBack(held, change.delay)
    return null
  }

  /** What somebody else than the holder decides; whether it changed anything. */
  #decide(each: ModelMessage, verb: 'cancel' | 'redrive' | 'discard'): boolean {
    const isDead = each.state === 'dead'
    if (verb === 'cancel' && each.state === 'leased') each.cancelRequested = true
    else if (verb === 'cancel' && isWaiting(each)) this.#end(each, 'cancelled', null)
    else if (verb === 'discard' && (isWaiting(each) || isDead)) this.#end(each, 'discarded', each.reason)
    else if (verb !== 'redrive' || !isDead) return false
    if (verb === 'redrive') Object.assign(each, { state: 'held', acquired: 0, failed: 0, released: 0, endedAt: null, reason: null })
    return true
  }

  #giveBack(each: ModelMessage, delay: When): void {
    Object.assign(each, { state: 'delayed', token: null, leaseUntil: null, due: this.#moment(delay) })
    if (each.cancelRequested) this.#end(each, 'cancelled', null)
    else if (this.#isPast(each.expires)) this.#end(each, 'expired', null)
  }

  #lapse(each: ModelMessage): void {
    const isPoison = each.acquired - each.failed - each.released > this.#queue(each.queue).settings.maxLapses
    if (isPoison && !each.cancelRequested) this.#end(each, 'dead', 'lapsed')
    else this.#giveBack(each, { afterMs: 0 })
  }

  #end(each: ModelMessage, state: 'acked' | 'dead' | 'expired' | 'cancelled' | 'discarded', reason: string | null, isTold = true): void {
    Object.assign(each, { state, reason, endedAt: this.nowMs, turn: ++this.#serial, line: null, token: null, leaseUntil: null, due: null })
    const queue = this.#queue(each.queue)
    if (state !== 'dead') queue.ended = { ...queue.ended, [state]: queue.ended[state] + 1 }
    const { body: _, ...message } = each.message
    if (isTold && message.report !== undefined) this.#insert(message.report, this.#made(REPORT_TYPE, { ...each, message }))
  }

  /** Who is due gets in line, who is first in line is ready, and what is kept of the ended stays within its bounds. */
  #seat(): void {
    for (const each of this.state.subscriptions) this.#catchUp(each)
    for (const { name, settings: { keep } } of this.state.queues) {
      const isOver = (kept: ModelMessage[], { turn, endedAt }: ModelMessage, count: number, ms: number | null) =>
        kept.filter((other) => other.turn > turn).length >= count || endedAt! + (ms ?? Infinity) <= this.nowMs
      const dead = this.#in(name, 'dead')
      const over = dead.filter((each) => isOver(dead, each, keep.deadCount, keep.deadMs))
      for (const each of over) this.#end(each, 'discarded', each.reason)
      drop(this.state.messages, ({ queue, state }) => queue === name && state === 'acked' && !keep.acked)
      const ended = this.#in(name).filter(({ state }) => ENDED_STATES.includes(state))
      drop(this.state.messages, (each) => ended.includes(each) && isOver(ended, each, keep.endedCount, keep.endedMs))
    }
    const turn = ++this.#serial
    for (const each of this.#in(null, 'delayed')) if (this.#isPast(each.due)) Object.assign(each, { state: 'held', due: null })
    for (const each of this.#in(null, 'held')) each.line ??= ++this.#serial
    for (const each of this.#in(null, 'held')) {
      const ahead = this.#in(each.queue).filter(({ line }) => line !== null && line < each.line!)
      const isBehind = ahead.some((other) => this.#lineOf(other) === this.#lineOf(each) && this.#lineOf(each) !== null)
      if (!isBehind) Object.assign(each, { state: 'ready', readyAt: this.nowMs, turn })
    }
  }

  #send(queue: string, message: Message, limited: boolean): Result {
    const isThere = this.#in(queue).some(({ id }) => id === message.id)
    const first = this.#first(`queue ${queue}`, message, isThere ? 0 : this.#queue(queue).settings.dedupeWindowMs)
    if (first !== undefined) return { id: first, duplicate: true }
    const result = this.#insert(queue, message)
    return limited && !result.duplicate && this.#isFull(queue, 1) ? 'full' : result
  }

  #publish(topic: string, message: Message): Result {
    const first = this.#first(`topic ${topic}`, message, settings.DEFAULT_QUEUE.dedupeWindowMs)
    if (first !== undefined) return { id: first, duplicate: true, routed: 0 }
    const event = { position: ++this.#serial, at: this.nowMs, message }
    const kept = this.state.topics.find(({ name }) => name === topic)
    if (kept) kept.events = [...kept.events, event]
    const wanting = this.state.subscriptions.filter((each) => each.topic === topic && wants(each, message))
    const routed = wanting.filter((each) => this.#route(each, event, kept !== undefined)).length
    return { id: message.id, duplicate: false, routed }
  }

  /** Into the subscription's queue. If that is full it is suspended: on a kept topic it remembers where, else it notes the gap. */
  #route(to: ModelSubscription, { position, message }: ModelEvent, isKept: boolean): boolean {
    const wasLive = to.status === 'live'
    if (wasLive && !this.#isFull(queueOf(to))) return Boolean(this.#insert(queueOf(to), message))
    if (wasLive) Object.assign(to, { status: 'suspended', cursor: isKept ? position : null })
    const last = wasLive ? { from: this.nowMs, count: 0 } : to.gaps.at(-1)!
    const earlier = wasLive ? to.gaps : to.gaps.slice(0, -1)
    if (to.cursor === null) to.gaps = [...earlier, { from: last.from, to: this.nowMs, count: last.count + 1 }].slice(-20)
    if (wasLive) this.#publish(EVENTS_TOPIC, this.#made('posthorn.subscription.suspended', null))
    return false
  }

  /** A suspended subscription goes on once its queue is below half its limit; on a kept topic with what it missed. */
  #catchUp(each: ModelSubscription): void {
    const limit = this.#queue(queueOf(each)).settings.limit.messages ?? Infinity
    const isSuspended = each.status === 'suspended'
    if (each.status === 'live' || (isSuspended && this.#in(queueOf(each)).filter(isLiving).length * 2 >= limit)) return
    const kept = this.state.topics.find(({ name }) => name === each.topic)?.events ?? []
    const owed = kept.filter((event) => event.position >= (each.cursor ?? Infinity) && wants(each, event.message))
    const missed = owed.find(({ message }) => this.#isFull(queueOf(each)) || !this.#insert(queueOf(each), message))
    Object.assign(each, missed ? { status: 'suspended', cursor: missed.position } : { status: 'live', cursor: null })
    if (isSuspended && !missed) this.#publish(EVENTS_TOPIC, this.#made('posthorn.subscription.resumed', null))
  }

  #bind(subscription: settings.Subscription, ifVersion: IfVersion): Result {
    const { topic, name, from } = subscription
    if (settings.faultOfSubscription(subscription) !== null) return 'invalid'
    const kept = this.state.topics.find((each) => each.name === topic)
    const known = this.state.subscriptions.find((each) => each.topic === topic && each.name === name)
    if (!known && from !== 'now' && !kept) return 'unsupported'
    const start = typeof from === 'object' ? ('at' in from ? { at: from.at } : { position: Number(from.position) + 1 }) : {}
    const isOwed = (event: ModelEvent) => from !== 'now' && event.at >= (start.at ?? 0) && event.position >= (start.position ?? 0)
    const cursor = kept?.events.find(isOwed)?.position ?? null
    if (known) Object.assign(known, subscription)
    else this.state.subscriptions.push({ ...subscription, gaps: [], cursor, status: cursor === null ? 'live' : 'catching-up' })
    this.#queue(settings.subscriptionQueue(topic, name), settings.DEFAULT_SUBSCRIPTION_QUEUE)
    return this.#put(settings.subscriptionKey(topic, name), toJsonBytes(null), ifVersion)
  }

  #put(key: string, value: Uint8Array, ifVersion: IfVersion, expiresAt: number | null = null, aliases: readonly string[] = []): Result {
    const version = `version-${++this.#serial}`
    const known = this.state.records.find((record) => record.key === key)
    if (ifVersion !== undefined && ifVersion !== (known?.version ?? null)) return 'conflict'
    drop(this.state.records, (record) => record === known)
    this.state.records.push({ key, value, version, expiresAt, aliases })
    return { version }
  }

  #insert(queue: string, message: Message): { id: string; duplicate: boolean } {
    this.#queue(queue)
    if (this.#in(queue).some(({ id }) => id === message.id)) return { id: message.id, duplicate: true }
    const { id, delay = { afterMs: 0 }, expires } = message
    const counts = { acquired: 0, failed: 0, released: 0, failures: [], arrival: ++this.#serial, turn: 0, line: null }
    const moments = { due: this.#moment(delay), expires: expires ? this.#moment(expires) : null }
    const times = { sentAt: this.nowMs, readyAt: null, leaseUntil: null, endedAt: null, ...moments }
    const rest = { cancelRequested: false, reason: null, token: null, holder: 'client' as const }
    this.state.messages.push({ queue, id, message, state: 'delayed', ...counts, ...times, ...rest })
    return { id, duplicate: false }
  }

  /** A message of the engine's own: about an ended message, or an operational event. */
  #made(type: string, about: object | null): Message {
    const id = `made-${++this.#serial}`
    const event = { id, source: 'posthorn:engine', type, datacontenttype: 'application/json' }
    return { id, event, body: toJsonBytes(about), priority: DEFAULT_PRIORITY }
  }

  /** Remembers who was first to use a dedupe text; its id, where it was another send. */
  #first(scope: string, { id, dedupe }: Message, windowMs: number): string | undefined {
    const known = this.state.firsts.find((each) => each.scope === `${scope} ${dedupe}` && each.until > this.nowMs)
    if (dedupe !== undefined && !known) this.state.firsts.push({ scope: `${scope} ${dedupe}`, id, until: this.nowMs + windowMs })
    return known?.id
  }

  #precedes(a: ModelMessage, b: ModelMessage): boolean {
    const { by, agingMs } = this.#queue(a.queue).settings.pick
    const rank = ({ readyAt, message: { priority } }: ModelMessage): [number, number] =>
      by === 'fifo' ? [readyAt!, 0] : agingMs === undefined ? [-priority, readyAt!] : [readyAt! - priority * agingMs, 0]
    const [[a1, a2], [b1, b2]] = [rank(a), rank(b)]
    return a1 !== b1 ? a1 < b1 : a2 !== b2 ? a2 < b2 : a.arrival < b.arrival && a.turn <= b.turn
  }

  #lineOf({ queue, message: { key } }: ModelMessage): string | null {
    const order = this.state.subscriptions.find((each) => queueOf(each) === queue)?.order ?? 'key'
    return order === 'strict' ? 'all' : order === 'none' || key === undefined ? null : `key ${key}`
  }

  readonly #isFull = (queue: string, besides = 0): boolean =>
    this.#in(queue).filter(isLiving).length - besides >= (this.#queue(queue).settings.limit.messages ?? Infinity)

  readonly #moment = (when: When): Moment =>
    'at' in when ? { clock: 'wallMs', at: when.at } : { clock: 'nowMs', at: this.nowMs + when.afterMs }

  readonly #isPast = (moment: Moment | null): boolean => moment !== null && moment.at <= this[moment.clock]

  readonly #in = (queue: string | null, state?: string): ModelMessage[] =>
    this.state.messages.filter((each) => (queue === null || each.queue === queue) && (state === undefined || each.state === state))

  #queue(name: string, defaults: settings.QueueSettings = settings.DEFAULT_QUEUE): ModelQueue {
    const known = this.state.queues.find((each) => each.name === name)
    if (!known) this.state.queues.push({ name, settings: defaults, ended: { acked: 0, expired: 0, cancelled: 0, discarded: 0 } })
    return known ?? this.state.queues.at(-1)!
  }

  /** What follows happens to a copy, so that what was before can be gone back to. */
  #begin(): void {
    const copies = Object.entries(this.state).map(([name, list]) => [name, list.map((each: object) => ({ ...each }))])
    this.past.push(this.state)
    this.state = Object.fromEntries(copies) as ModelState
  }
}
