/**
 * The oracle: what an engine must answer, in arrays and scans, written from the laws alone. It shares nothing with any
 * engine and is as slow as it is plain. Where the contract leaves the choice (which of equals is handed out first) it takes
 * the engine's, if that is allowed. It is asked only what is well-formed: what is not, the cases of *bounded* ask.
 */
import type { Change, ChangeResult, Commit, LeaseRequest, RefusalCode, Token, Version } from '../core/engine.ts'
import { toJsonBytes } from '../core/json.ts'
import * as core from '../core/message.ts'
import * as settings from '../core/settings.ts'
import type * as model from './model-state.ts'
import { after, Timeline } from './model-time.ts'
import { made, Topics, type Queues } from './model-topic.ts'

type Result = ChangeResult | RefusalCode

const COMMIT_MEMORY_MS = 600_000
const NEW = { acquired: 0, failed: 0, released: 0, endedAt: null, reason: null, line: null, turn: 0 }
const FREE = { token: null, leaseUntil: null, due: null }
const isWaiting = ({ state }: core.StoredMessage): boolean => core.WAITING_STATES.includes(state)
const drop = <T>(list: T[], isOut: (each: T) => boolean): unknown =>
  list.splice(0, Infinity, ...list.filter((each) => !isOut(each)))

export class Model extends Timeline implements Queues {
  readonly #topics = new Topics(this)

  commit({ id, changes }: Commit): model.Answer {
    this.sweep()
    const known = this.state.commits.find((each) => each.id === id)
    if (known) return { status: 'committed', replayed: true, results: known.results }
    this.begin()
    const limited = !changes.some((change) => 'token' in change)
    const results = changes.map((change) => {
      const result = this.#apply(change, limited)
      this.#seat()
      return result
    })
    this.#trim()
    this.#seat()
    const faults = results.flatMap((code, at) => (typeof code === 'string' ? [{ code, at }] : []))
    if (faults.length > 0) {
      this.state = this.past.pop()!
      return { status: 'refused', faults }
    }
    const done = results as ChangeResult[]
    if (id !== undefined) this.state.commits.push({ id, until: this.nowMs + COMMIT_MEMORY_MS, results: done })
    return { status: 'committed', replayed: false, results: done }
  }

  /** `chosen`: what the engine handed out, in its order; taken over as far as it is allowed. */
  lease({ wants, leaseMs, holder }: LeaseRequest, chosen: readonly core.MessageRef[]): model.Message[] {
    this.sweep()
    this.begin()
    const leaseUntil = this.nowMs + leaseMs
    return wants.flatMap(({ queue, max }) => {
      const given: model.Message[] = []
      const preferred = chosen.filter((each) => each.queue === queue)
      for (let ready = this.#in(queue, 'ready'); given.length < max; ready = this.#in(queue, 'ready')) {
        const allowed = ready.filter((each) => !ready.some((other) => this.#precedes(other, each)))
        const next = allowed.find(({ id }) => id === preferred[given.length]?.id) ?? allowed[0]
        if (!next || this.queue(queue).settings.paused) break
        const token = `token-${this.nextSerial()}`
        given.push(Object.assign(next, { state: 'leased', token, leaseUntil, holder, acquired: next.acquired + 1 }))
      }
      return given
    })
  }

  extend(tokens: readonly Token[], leaseMs: number): ('kept' | 'stale' | 'cancel')[] {
    this.sweep()
    this.begin()
    return tokens.map((token) => {
      const held = this.state.messages.find((each) => each.token === token)
      if (held) held.leaseUntil = this.nowMs + leaseMs
      return !held ? 'stale' : held.cancelRequested ? 'cancel' : 'kept'
    })
  }

  /** What time alone has made due happens. */
  override sweep(): void {
    this.begin()
    for (const each of this.#in(null)) {
      if (isWaiting(each) && this.isPast(each.expires)) this.#end(each, 'expired', null)
      if (each.state === 'leased' && each.leaseUntil! <= this.nowMs) this.#lapse(each)
    }
    this.#topics.sweep()
    this.#trim()
    this.#seat()
    drop(this.state.records, ({ expiresAt }) => (expiresAt ?? Infinity) <= this.wallMs)
    drop(this.state.firsts, ({ until }) => until <= this.nowMs)
    drop(this.state.commits, ({ until }) => until <= this.nowMs)
  }

  #apply(change: Change, limited: boolean): Result {
    const { state } = this
    switch (change.do) {
      case 'send': {
        const { queue, message } = change
        const isThere = this.#in(queue).some(({ id }) => id === message.id)
        const first = this.#first(`queue ${queue}`, message, isThere ? 0 : this.queue(queue).settings.dedupeWindowMs)
        if (first !== undefined) return { id: first, duplicate: true }
        return limited && this.isFull(queue, message) ? 'full' : this.insert(queue, message)
      }
      case 'publish': {
        const { topic, message } = change
        const first = this.#first(`topic ${topic}`, message, settings.DEFAULT_QUEUE.dedupeWindowMs)
        if (first !== undefined) return { id: first, duplicate: true, routed: 0 }
        return { id: message.id, duplicate: false, routed: this.#topics.publish(topic, message) }
      }
      case 'put':
        return this.#put(change.key, change.ifVersion, change.value, change.expiresAt, change.aliases)
      case 'remove': {
        const known = state.records.find(({ key }) => key === change.key)
        drop(state.records, (each) => each === known)
        return change.ifVersion !== undefined && known?.version !== change.ifVersion ? 'conflict' : null
      }
      case 'configure':
        this.queue(change.queue).settings = change.settings
        return this.#put(settings.settingsKey(change.queue), change.ifVersion, toJsonBytes(change.settings))
      case 'retain':
        this.#topics.retain(change.topic, change.retention)
        return this.#put(settings.topicKey(change.topic), change.ifVersion, toJsonBytes(change.retention))
      case 'bind': {
        const { topic, name } = change.subscription
        if (!this.#topics.bind(change.subscription)) return 'unsupported'
        this.queue(settings.subscriptionQueue(topic, name), settings.DEFAULT_SUBSCRIPTION_QUEUE).isClosed = false
        return this.#put(settings.subscriptionKey(topic, name), change.ifVersion, toJsonBytes(null))
      }
      case 'unbind': {
        const known = this.#topics.bound(change.topic, change.name)
        const queue = settings.subscriptionQueue(change.topic, change.name)
        if (known) Object.assign(this.queue(queue), { isClosed: true, wasClosed: true })
        for (const each of known ? this.#in(queue) : []) this.#decide(each, 'discard')
        drop(state.subscriptions, (each) => each === known)
        drop(state.records, ({ key }) => key === settings.subscriptionKey(change.topic, change.name))
        return null
      }
      case 'cancel':
      case 'redrive':
      case 'discard': {
        const isMeant = ({ queue, id }: core.MessageRef) =>
          change.messages.some((ref) => ref.queue === queue && ref.id === id)
        return { count: state.messages.filter(isMeant).filter((each) => this.#decide(each, change.do)).length }
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
    return null
  }

  /** What somebody else than the holder decides; whether it concerns the message. */
  #decide(each: model.Message, verb: 'cancel' | 'redrive' | 'discard'): boolean {
    const isDead = each.state === 'dead'
    if (verb === 'redrive' && isDead) Object.assign(each, NEW, { state: 'held', cancelRequested: false })
    else if (verb === 'cancel' && each.state === 'leased') each.cancelRequested = true
    else if (verb === 'cancel' && isWaiting(each)) this.#end(each, 'cancelled', null)
    else if (verb === 'discard' && (isWaiting(each) || isDead)) this.#end(each, 'discarded', each.reason)
    else return false
    return true
  }

  #giveBack(each: model.Message, delay: core.When): void {
    Object.assign(each, FREE, { state: 'delayed', due: this.moment(delay) })
    if (each.cancelRequested) this.#end(each, 'cancelled', null)
    else if (this.isPast(each.expires)) this.#end(each, 'expired', null)
    else if (this.queue(each.queue).isClosed) this.#end(each, 'discarded', null)
  }

  #lapse(each: model.Message): void {
    const isPoison = each.acquired - each.failed - each.released > this.queue(each.queue).settings.maxLapses
    if (isPoison && !each.cancelRequested) this.#end(each, 'dead', 'lapsed')
    else this.#giveBack(each, { afterMs: 0 })
  }

  #end(each: model.Message, state: 'acked' | core.Report['state'], reason: string | null, isTold = true): void {
    Object.assign(each, FREE, { state, reason, endedAt: this.nowMs, turn: this.nextSerial(), line: null })
    const queue = this.queue(each.queue)
    if (state !== 'dead') queue.ended = { ...queue.ended, [state]: queue.ended[state] + 1 }
    const { body: _, ...message } = each.message
    if (isTold && message.report)
      this.insert(message.report, made(this.nextSerial(), core.REPORT_TYPE, { ...each, message }))
    const { acked, endedMs, endedCount } = queue.settings.keep
    const isKept = state === 'dead' || (endedMs > 0 && endedCount > 0 && (state !== 'acked' || acked))
    if (!isKept) drop(this.state.messages, (other) => other === each)
  }

  /** Who is due gets in line, and who is first in line is ready. */
  #seat(): void {
    for (const each of this.state.subscriptions) this.#topics.catchUp(each)
    const turn = this.nextSerial()
    for (const each of this.#in(null, 'delayed'))
      if (this.isPast(each.due)) Object.assign(each, FREE, { state: 'held' })
    for (const each of this.#in(null, 'held')) each.line ??= this.nextSerial()
    for (const each of this.#in(null, 'held')) {
      const ahead = this.#in(each.queue).filter(({ line }) => line !== null && line < each.line!)
      const isBehind = ahead.some((other) => this.#lineOf(other) === this.#lineOf(each) && this.#lineOf(each) !== null)
      if (!isBehind) Object.assign(each, { state: 'ready', readyAt: this.nowMs, turn })
    }
  }

  /** What is kept of the ended stays within its bounds. */
  #trim(): void {
    const over = (kept: model.Message[], count: number, ms: number | null) =>
      kept.filter(({ turn, endedAt }) => {
        return kept.filter((other) => other.turn > turn).length >= count || after(endedAt, ms) <= this.nowMs
      })
    for (const queue of this.state.queues) {
      const { deadCount, deadMs, endedCount, endedMs } = queue.settings.keep
      const { name, isClosed } = queue
      const dead = isClosed ? this.#in(name) : over(this.#in(name, 'dead'), deadCount, deadMs)
      for (const each of dead.sort((one, other) => one.turn - other.turn)) this.#decide(each, 'discard')
      const ended = this.#in(name).filter(({ state }) => core.ENDED_STATES.includes(state))
      const gone = over(ended, endedCount, endedMs)
      drop(this.state.messages, (each) => gone.includes(each))
    }
  }

  #put(
    key: string,
    ifVersion: Version | null | undefined,
    value: Uint8Array,
    at?: number,
    names?: readonly string[],
  ): Result {
    const { records } = this.state
    const known = records.find((record) => record.key === key)
    const version = `version-${this.nextSerial()}`
    drop(records, (record) => record === known)
    records.push({ key, value, version, expiresAt: at ?? null, aliases: names ?? [] })
    return ifVersion === undefined || ifVersion === (known?.version ?? null) ? { version } : 'conflict'
  }

  insert(queue: string, message: core.Message): { id: string; duplicate: boolean } {
    this.queue(queue)
    const { id, delay = { afterMs: 0 }, expires } = message
    if (this.#in(queue).some((each) => each.id === id)) return { id, duplicate: true }
    const moments = { due: this.moment(delay), expires: expires ? this.moment(expires) : null }
    const times = { arrival: this.nextSerial(), sentAt: this.nowMs, readyAt: null, ...moments }
    const rest = { state: 'delayed', holder: 'client', failures: [], cancelRequested: false } as const
    this.state.messages.push({ queue, id, message, ...NEW, ...FREE, ...times, ...rest })
    return { id, duplicate: false }
  }

  /** The id of who was first to use a dedupe text; it is remembered where that is this one. */
  #first(of: string, { id, dedupe }: core.Message, windowMs: number): string | undefined {
    const known = this.state.firsts.find(({ scope, until }) => scope === `${of} ${dedupe}` && until > this.nowMs)
    const until = this.nowMs + windowMs
    if (dedupe !== undefined && !known && windowMs > 0) this.state.firsts.push({ scope: `${of} ${dedupe}`, id, until })
    return known?.id
  }

  #precedes(a: model.Message, b: model.Message): boolean {
    const { by, agingMs } = this.queue(a.queue).settings.pick
    const rank = ({ readyAt, message: { priority } }: model.Message): readonly number[] =>
      by === 'fifo' ? [0, readyAt!] : agingMs === undefined ? [-priority, readyAt!] : [readyAt! - priority * agingMs]
    const differs = rank(a).findIndex((each, at) => each !== rank(b)[at])
    return differs < 0 ? a.arrival < b.arrival && a.turn < b.turn : rank(a)[differs]! < rank(b)[differs]!
  }

  #lineOf({ queue, message: { key } }: model.Message): string | null {
    const isOf = ({ topic, name }: model.Subscription) => settings.subscriptionQueue(topic, name) === queue
    const order = this.state.subscriptions.find(isOf)?.order ?? 'key'
    return order === 'strict' ? 'all' : order === 'none' || key === undefined ? null : `key ${key}`
  }

  queue(name: string, defaults: settings.QueueSettings = settings.DEFAULT_QUEUE): model.Queue {
    const known = this.state.queues.find((each) => each.name === name)
    const begin = { ended: { acked: 0, expired: 0, cancelled: 0, discarded: 0 }, isClosed: false, wasClosed: false }
    if (!known) this.state.queues.push({ name, settings: defaults, ...begin })
    return known ?? this.state.queues.at(-1)!
  }

  livingIn = (queue: string): number =>
    this.#in(queue).filter((each) => each.state === 'leased' || isWaiting(each)).length
  isFull = (queue: string, { id }: core.Message): boolean =>
    this.livingIn(queue) >= (this.queue(queue).settings.limit.messages ?? Infinity) &&
    !this.#in(queue).some((each) => each.id === id)
  readonly #in = (queue: string | null, state?: core.State): model.Message[] =>
    this.state.messages.filter((each) => each.queue === (queue ?? each.queue) && each.state === (state ?? each.state))
}
