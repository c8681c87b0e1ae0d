/**
 * One way in which everything that an engine has shown so far can be true: an oracle, with the engine's names for what is in
 * it. After a crash several may be (an unanswered commit that changed nothing visible was kept or not), until an answer tells.
 */
import { deepStrictEqual, ok } from 'node:assert/strict'
import type {
  ChangeResult,
  Commit,
  CommitResult,
  Durability,
  Engine,
  LeaseRequest,
  LeaseResult,
  Token,
} from '../core/engine.ts'
import type { MessageRef } from '../core/message.ts'
import { compareAll, shape } from './look.ts'
import { Matching, recordKeyOf } from './matching.ts'
import type * as model from './model-state.ts'
import { Model } from './model.ts'
import type { Leaving } from './subject.ts'

/** What the engine answered to commits, and those that it had no time to answer. */
export type Answered = { readonly commit: Commit; readonly result: CommitResult | null }

export class World {
  readonly model: Model
  readonly matching: Matching
  /** Where in the oracle's past a crash may at most go back to. */
  readonly #floor: Record<Leaving, number> = { 'close': 0, 'kill': 0, 'power-cut': 0 }
  /** Whether a subscription was ever fed by its topic: then what arrives is compared, not whether the publish brought it. */
  #isFed = false

  constructor(oracle: Model, matching: Matching = new Matching()) {
    this.model = oracle
    this.matching = matching
  }

  commit(answered: readonly Answered[]): void {
    for (const { commit, result } of answered) {
      const answer = this.model.commit(this.matching.toModel(commit))
      const before = this.model.past.at(-1)
      const place = before === undefined || isSame(before, this.model.state) ? null : this.model.past.length
      if (result === null) continue
      this.#isFed ||= this.model.state.subscriptions.some(({ cursor }) => cursor !== null)
      this.#isFed ||= commit.changes.some((change) => change.do === 'bind' && change.subscription.from !== 'now')
      this.#compareResult(commit, result, answer)
      // A commit that changes nothing makes nothing durable.
      if (result.status === 'committed' && place !== null) this.#reached(result.durability, place)
    }
  }

  lease(request: LeaseRequest, { deliveries, nextReadyInMs }: LeaseResult): void {
    const { model: oracle, matching } = this
    const queues = request.wants.map(({ queue }) => queue)
    oracle.sweep()
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
    this.#reached('os')
  }

  /** Whether all these leases stand. */
  holds(tokens: readonly Token[]): boolean {
    this.model.sweep()
    const living = this.model.state.messages.map(({ token }) => token)
    return tokens.every((token) => living.includes(this.matching.modelToken(token)))
  }

  extend(tokens: readonly Token[], leaseMs: number, answer: readonly string[]): void {
    const expected = this.model.extend(
      tokens.map((token) => this.matching.modelToken(token)),
      leaseMs,
    )
    deepStrictEqual(answer, expected, 'extend')
    this.#reached('os')
  }

  /** The engine is open again; its time is not before anything that has happened. */
  restart(nowMs: number, wallMs: number): void {
    const latest = Math.max(...this.model.state.messages.flatMap(({ sentAt, endedAt }) => [sentAt, endedAt ?? 0]), 0)
    ok(nowMs >= latest, `the engine's time goes on at ${nowMs}, though something happened at ${latest}`)
    this.model.restart(nowMs, wallMs)
  }

  look(engine: Engine, topics: readonly string[], isFresh = false): Promise<void> {
    return compareAll({ engine, model: this.model, matching: this.matching }, topics, isFresh)
  }

  /** What this may be after the engine was left and opened again, newest first. */
  successors(how: Leaving | 'all'): World[] {
    const { past, state } = this.model
    const left =
      how === 'all' ? [new Model(0, 0).state] : [...past, state].slice(how === 'close' ? past.length : this.#floor[how])
    const distinct = left.filter((each, at) => at === 0 || !isSame(left[at - 1]!, each))
    return distinct.reverse().map((each) => {
      const next = new World(
        new Model(this.model.nowMs, this.model.wallMs).continue(this.model, each),
        this.matching.fork(),
      )
      next.#isFed = this.#isFed
      return next
    })
  }

  #compareResult(commit: Commit, result: CommitResult, answer: model.Answer): void {
    if (answer.status === 'refused') {
      const faults = JSON.stringify(answer.faults)
      ok(result.status === 'refused', `the commit must be refused: ${faults}`)
      const { code, at, detail } = result
      ok(
        answer.faults.some((fault) => fault.code === code && fault.at === at),
        `refused ${code} at ${at} (${detail}), not one of ${faults}`,
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

  #compareChange(key: string | null, shown: ChangeResult, expected: ChangeResult): void {
    if (expected && shown && 'version' in expected && 'version' in shown) {
      ok(this.matching.hasVersion(key, shown.version, expected.version), `the version of ${key} is that of another put`)
    } else if (expected && 'routed' in expected && (expected.duplicate || this.#isFed)) {
      deepStrictEqual({ ...shown, routed: 0 }, { ...expected, routed: 0 })
    } else deepStrictEqual(shown, expected)
  }

  /** A worker that sleeps as long as it is told must not oversleep; being woken early only costs. */
  #compareWait(queues: readonly string[], nextReadyInMs: number | null): void {
    const { state } = this.model
    const waits = state.messages.flatMap(({ queue, due, expires, message, state: is }) => {
      const isPaused = state.queues.find(({ name }) => name === queue)!.settings.paused
      const matters =
        queues.includes(queue) && is === 'delayed' && !isPaused && expires === null && message.key === undefined
      return matters && due !== null ? [due.at - this.model[due.clock]] : []
    })
    if (waits.length === 0) return
    const longest = Math.min(...waits)
    ok(
      nextReadyInMs !== null && nextReadyInMs <= longest,
      `nextReadyInMs is ${nextReadyInMs}, but a message is due in ${longest}`,
    )
  }

  #reached(durability: Durability, place: number = this.model.past.length): void {
    if (durability !== 'memory') this.#floor.kill = Math.max(this.#floor.kill, place)
    if (durability === 'disk' || durability === 'quorum')
      this.#floor['power-cut'] = Math.max(this.#floor['power-cut'], place)
  }
}

function isSame(before: model.State, now: model.State): boolean {
  return Object.entries(before).every(([name, list]) => {
    const others = now[name as keyof model.State]
    const isEqual = (each: object, at: number) =>
      Object.entries(each).every(([field, value]) => value === Reflect.get(others[at]!, field))
    return list.length === others.length && list.every(isEqual)
  })
}
