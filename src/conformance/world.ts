/**
 * One way in which everything that an engine has shown so far can be true: an oracle, with the engine's names for what is in
 * it. After a crash several may be (an unanswered commit that changed nothing visible was kept or not), until an answer tells.
 */
import { deepStrictEqual, ok } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type {
  ChangeResult,
  Commit,
  CommitResult,
  Durability,
  Engine,
  LeaseRequest,
  LeaseResult,
  RefusalCode,
  Token,
} from '../core/engine.ts'
import type { MessageRef } from '../core/message.ts'
import { subscriptionQueue } from '../core/settings.ts'
import { compareAll, shape } from './look.ts'
import { Matching, recordKeyOf } from './matching.ts'
import { Model, type State } from './model.ts'
import type { Leaving } from './subject.ts'

/** Times in commands are multiples of this, so that nothing falls due between two ticks. */
const TICK_MS = 10

const queueOf = ({ topic, name }: { readonly topic: string; readonly name: string }): string =>
  subscriptionQueue(topic, name)

/** What the engine answered to commits, and those that it had no time to answer. */
export type Answered = { readonly commit: Commit; readonly result: CommitResult | null }

export class World {
  readonly model: Model
  readonly matching: Matching
  /** The states that the oracle was in, one after the other; the last is the one that it is in. */
  readonly #past: State[]
  /** Where in its past a crash may at most go back to. */
  readonly #floor: Record<Leaving, number> = { 'close': 0, 'kill': 0, 'power-cut': 0 }
  /** Queues whose subscription was ever unbound: what is said of ended messages there is the engine's choice. */
  #unbound: ReadonlySet<string> = new Set()
  /** Whether a subscription was ever fed by its topic: then what arrives is compared, not whether the publish brought it. */
  #isFed = false

  constructor(oracle: Model, matching: Matching = new Matching()) {
    this.model = oracle
    this.matching = matching
    this.#past = [copyOf(oracle.state)]
  }

  commit(answered: readonly Answered[]): void {
    for (const { commit, result } of answered) {
      this.#noteUnbound(commit)
      const answer = this.model.commit(this.matching.toModel(commit))
      const changed = this.#remember()
      this.model.sweep()
      this.#remember()
      if (result === null) continue
      const { events, subscriptions } = this.model.state
      this.#isFed ||= subscriptions.some(({ topic, cursor }) =>
        events.some((event) => event.isKept && event.topic === topic && event.turn >= cursor),
      )
      this.#isFed ||= commit.changes.some((change) => change.do === 'bind' && change.subscription.from !== 'now')
      this.#compareResult(commit, result, answer)
      // A commit that changes nothing makes nothing durable.
      if (result.status === 'committed' && changed !== null) this.#reached(result.durability, changed)
    }
  }

  lease(request: LeaseRequest, { deliveries, nextReadyInMs }: LeaseResult): void {
    const { model: oracle, matching } = this
    const queues = request.wants.map(({ queue }) => queue)
    const shown = queues.flatMap((queue) => deliveries.filter(({ stored }) => stored.queue === queue))
    const chosen = shown.map(({ stored }): MessageRef => ({ queue: stored.queue, id: matching.idOf(stored, oracle) }))
    const expected = oracle.lease(request, chosen)
    deepStrictEqual(
      chosen,
      expected.map(({ queue, id }) => ({ queue, id })),
      'handed out, in this order',
    )
    for (const [at, { token, leaseUntil, stored }] of shown.entries()) {
      const item = expected[at]!
      deepStrictEqual(shape(stored, item.id), shape(item, item.id), `delivery of ${item.id}`)
      deepStrictEqual(leaseUntil, item.leaseUntil, `leaseUntil of ${item.id}`)
      ok(matching.addToken(token, item.token!), `the token of ${item.id} is new`)
    }
    this.#compareWait(queues, nextReadyInMs)
    this.#remember()
    this.#reached('os')
  }

  /** Whether all these leases stand. */
  holds(tokens: readonly Token[]): boolean {
    const living = this.model.state.messages.map(({ token }) => token)
    return tokens.every((token) => living.includes(this.matching.modelToken(token)))
  }

  extend(tokens: readonly Token[], leaseMs: number, answer: readonly string[]): void {
    const expected = this.model.extend(
      tokens.map((token) => this.matching.modelToken(token)),
      leaseMs,
    )
    deepStrictEqual(answer, expected, 'extend')
    this.#remember()
    this.#reached('os')
  }

  /** Time passes, in steps so small that what falls due on the way does so at its moment. */
  pass(ms: number): void {
    for (let left = ms; left > 0; left -= TICK_MS) {
      this.model.pass(Math.min(left, TICK_MS))
      this.#remember()
    }
  }

  stepWall(ms: number): void {
    this.model.pass(0, ms)
    this.#remember()
  }

  /** The engine is open again; its time is not before anything that has happened. */
  restart(nowMs: number, wallMs: number): void {
    const latest = Math.max(...this.model.state.messages.flatMap(({ sentAt, endedAt }) => [sentAt, endedAt ?? 0]), 0)
    ok(nowMs >= latest, `the engine's time goes on at ${nowMs}, though something happened at ${latest}`)
    this.model.open(nowMs, wallMs)
    this.#remember()
  }

  look(engine: Engine, topics: readonly string[], isFresh = false): Promise<void> {
    return compareAll({ engine, model: this.model, matching: this.matching, unbound: this.#unbound }, topics, isFresh)
  }

  /** What this may be after the engine was left and opened again, newest first. */
  successors(how: Leaving | 'all'): World[] {
    const left = how === 'all' ? [new Model().state] : this.#past.slice(how === 'close' ? -1 : this.#floor[how])
    return left.reverse().map((each) => {
      const next = new World(Object.assign(new Model(), { turn: this.model.turn, state: each }), this.matching.fork())
      next.#isFed = this.#isFed
      next.#unbound = this.#unbound
      return next
    })
  }

  #noteUnbound({ changes }: Commit): void {
    const named = (verb: 'bind' | 'unbind') =>
      changes.flatMap((each) => (each.do === verb ? [queueOf('subscription' in each ? each.subscription : each)] : []))
    const known = [...this.model.state.subscriptions.map(queueOf), ...named('bind')]
    this.#unbound = new Set([...this.#unbound, ...named('unbind').filter((queue) => known.includes(queue))])
  }

  #compareResult(commit: Commit, result: CommitResult, answer: ReturnType<Model['commit']>): void {
    const faults = answer.results.flatMap((code, at) => (typeof code === 'string' ? [{ code, at }] : []))
    if (faults.length > 0) {
      ok(result.status === 'refused', `the commit must be refused: ${JSON.stringify(faults)}`)
      const { code, at, detail } = result
      ok(
        faults.some((fault) => fault.code === code && fault.at === at),
        `refused ${code} at ${at} (${detail}), not one of ${JSON.stringify(faults)}`,
      )
      return
    }
    ok(result.status === 'committed', `the commit must not be refused: ${JSON.stringify(result)}`)
    deepStrictEqual(result.replayed, answer.replayed, 'replayed')
    deepStrictEqual(result.results.length, answer.results.length, 'a result for each change')
    for (const [at, expected] of answer.results.entries()) {
      this.#compareChange(answer.replayed ? null : recordKeyOf(commit.changes[at]!), result.results[at]!, expected)
    }
  }

  #compareChange(key: string | null, shown: ChangeResult, expected: ChangeResult | RefusalCode): void {
    if (typeof expected === 'string') return
    if (expected && shown && 'version' in expected && 'version' in shown) {
      ok(this.matching.hasVersion(key, shown.version, expected.version), `the version of ${key} is that of another put`)
    } else if (expected && 'routed' in expected && (expected.duplicate || this.#isFed)) {
      deepStrictEqual({ ...shown, routed: 0 }, { ...expected, routed: 0 })
    } else deepStrictEqual(shown, expected)
  }

  /** A worker that sleeps as long as it is told must not oversleep; being woken early only costs. */
  #compareWait(queues: readonly string[], nextReadyInMs: number | null): void {
    const { model: oracle } = this
    const waits = oracle.state.messages.flatMap(({ queue, message, state, delay, since }) => {
      const isMeant = queues.includes(queue) && state === 'delayed' && !oracle.settingsOf(queue).paused
      const isPlain = message.expires === undefined && message.key === undefined
      return isMeant && isPlain ? [oracle.timeOf(delay, since) - oracle.nowMs] : []
    })
    if (waits.length === 0) return
    const longest = Math.min(...waits)
    ok(
      nextReadyInMs !== null && nextReadyInMs <= longest,
      `nextReadyInMs is ${nextReadyInMs}, but a message is due in ${longest}`,
    )
  }

  /** Where it is now in its past; null where nothing has changed. */
  #remember(): number | null {
    if (isSame(this.#past.at(-1)!, this.model.state)) return null
    return this.#past.push(copyOf(this.model.state)) - 1
  }

  #reached(durability: Durability, place: number = this.#past.length - 1): void {
    if (durability !== 'memory') this.#floor.kill = Math.max(this.#floor.kill, place)
    if (durability === 'disk' || durability === 'quorum')
      this.#floor['power-cut'] = Math.max(this.#floor['power-cut'], place)
  }
}

/** What is in the lists' items is replaced, never changed. */
function copyOf(state: State): State {
  const copies = Object.entries(state).map(([name, list]) => [name, list.map((each: object) => ({ ...each }))])
  return Object.fromEntries(copies) as State
}

const isEqualValue = (one: unknown, other: unknown): boolean => one === other || isDeepStrictEqual(one, other)

function isSame(before: State, now: State): boolean {
  return Object.entries(before).every(([name, list]) => {
    const others = now[name as keyof State]
    const isEqual = (each: object, at: number) =>
      Object.entries(each).every(([field, value]) => isEqualValue(value, Reflect.get(others[at]!, field)))
    return list.length === others.length && list.every(isEqual)
  })
}
