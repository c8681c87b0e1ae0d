/** Drives an engine and the oracle side by side, command by command, and stops at the first answer on which they disagree. */
import { deepStrictEqual, ok } from 'node:assert/strict'
import { ManualClock } from '../core/clock.ts'
import type { ChangeResult, Commit, CommitResult, Delivery, Durability, Engine, LeaseRequest } from '../core/engine.ts'
import type { MessageRef } from '../core/message.ts'
import { idOf, recordKeyOf, toCommit, type Command, type CommitSketch, type Meaning } from './command.ts'
import { compareAll, isPlaced, shape, type Sides } from './look.ts'
import { Matching } from './matching.ts'
import type * as model from './model-state.ts'
import { Model } from './model.ts'
import { leave, withoutHints, type Leaving, type Storage } from './subject.ts'

export interface DriveOptions {
  readonly hints: 'deliver' | 'drop'
  /** Topics to look at. */
  readonly topics: readonly string[]
}

interface Expected {
  readonly answer: model.Answer
  /** Where in the oracle's past this is; null: it changed nothing, and so made nothing durable. */
  readonly place: number | null
}

/** A queue of the drive's own: what is sent there tells the engine's time. */
const PROBE = 'probe'

export class Drive {
  readonly #storage: Storage
  readonly #options: DriveOptions
  readonly #clock = new ManualClock()
  #engine!: Engine
  #model!: Model
  #matching = new Matching()
  #steps = 0
  #lastLease: { readonly request: LeaseRequest; readonly deliveries: readonly Delivery[] } | null = null
  /** Whether a subscription was ever fed by its topic: then what arrives is compared, not whether the publish brought it. */
  #isFed = false
  /** What was first committed under an id: a repeat is answered as that was. */
  readonly #first = new Map<string, CommitSketch>()
  /** Where in the oracle's past a crash may at most go back to. */
  #floor: Record<Leaving, number> = { 'close': 0, 'kill': 0, 'power-cut': 0 }

  private constructor(storage: Storage, options: DriveOptions) {
    this.#storage = storage
    this.#options = options
  }

  static async begin(storage: Storage, options: DriveOptions): Promise<Drive> {
    const drive = new Drive(storage, options)
    await drive.#open()
    drive.#model = new Model(await drive.#probe(), drive.#clock.wallMs())
    drive.#probeModel()
    return drive
  }

  /** @throws AssertionError where engine and oracle disagree */
  async step(command: Command): Promise<void> {
    this.#steps++
    switch (command.do) {
      case 'commit':
        return this.#commit(command.commits)
      case 'lease':
        return this.#lease(command)
      case 'lease-again':
        return this.#leaseAgain()
      case 'extend':
        return this.#extend(command.tokens, command.leaseMs)
      case 'advance':
        this.#clock.advance(command.ms)
        this.#model.advance(command.ms)
        return isPlaced(this.#engine)
      case 'step-wall':
        this.#clock.stepWall(command.ms)
        this.#model.wallMs += command.ms
        await isPlaced(this.#engine)
        return this.#model.sweep()
      case 'reopen':
        return this.#reopen(command.how, command.unanswered ?? [], command.turns ?? 0)
      case 'look':
        return this.look()
    }
  }

  /** Compares everything that can be seen. */
  look(): Promise<void> {
    return compareAll(this.#sides(), this.#options.topics)
  }

  async close(): Promise<void> {
    await this.#engine.close()
    await this.#storage.remove?.()
  }

  #ask(commit: Commit): Expected {
    const answer = this.#model.commit(commit)
    const { past, state } = this.#model
    const before = past.at(-1)
    return { answer, place: before === undefined || isSame(before, state) ? null : past.length }
  }

  async #commit(sketches: readonly CommitSketch[]): Promise<void> {
    const results = await this.#engine.commit(sketches.map((sketch) => toCommit(sketch, this.#meaning('engine'))))
    const meaning = this.#meaning('model')
    const commits = sketches.map((sketch) => toCommit(sketch, meaning))
    this.#answered(sketches, results, commits.map((commit) => this.#ask(commit)))
  }

  #answered(sketches: readonly CommitSketch[], results: readonly CommitResult[], expected: readonly Expected[]): void {
    deepStrictEqual(results.length, expected.length, 'as many results as commits')
    for (const [at, result] of results.entries()) {
      const { answer, place } = expected[at]!
      this.#isFed ||= this.#model.state.subscriptions.some(({ cursor }) => cursor !== null)
      this.#isFed ||= sketches[at]!.changes.some((change) => change.do === 'bind' && change.subscription.from !== 'now')
      this.#compareResult(this.#asFirst(sketches[at]!, answer), result, answer)
      if (result.status === 'committed' && !result.replayed && place !== null) this.#reached(result.durability, place)
    }
  }

  #asFirst(sketch: CommitSketch, answer: model.Answer): CommitSketch {
    if (sketch.id === undefined || answer.status === 'refused') return sketch
    if (!answer.replayed) this.#first.set(sketch.id, sketch)
    return this.#first.get(sketch.id) ?? sketch
  }

  #compareResult(sketch: CommitSketch, result: CommitResult, answer: model.Answer): void {
    if (answer.status === 'refused') {
      ok(result.status === 'refused', `the commit must be refused: ${JSON.stringify(answer.faults)}, but was committed`)
      const { code, at, detail } = result
      ok(answer.faults.some((fault) => fault.code === code && fault.at === at), `refused ${code} at ${at} (${detail}), not one of ${JSON.stringify(answer.faults)}`)
      return
    }
    ok(result.status === 'committed', `the commit must not be refused: ${JSON.stringify(result)}`)
    deepStrictEqual(result.replayed, answer.replayed, 'replayed')
    deepStrictEqual(result.results.length, answer.results.length, 'a result for each change')
    for (const [at, expected] of answer.results.entries()) {
      const shown: ChangeResult = result.results[at]!
      if (expected && shown && 'version' in expected && 'version' in shown) {
        const key = recordKeyOf(sketch.changes[at]!)
        ok(this.#matching.hasVersion(key, shown.version, expected.version), `the version of ${key} is that of another put`)
      } else if (expected && 'routed' in expected && (expected.duplicate || this.#isFed)) {
        deepStrictEqual({ ...shown, routed: 0 }, { ...expected, routed: 0 }, `result ${at}`)
      } else deepStrictEqual(shown, expected, `result ${at}`)
    }
  }

  async #lease({ wants, leaseMs, holder }: Extract<Command, { do: 'lease' }>): Promise<void> {
    const asked = wants.map(([queue, max]) => ({ queue, max }))
    const request = { id: `lease ${this.#steps}`, worker: 'kit', holder, leaseMs, wants: asked }
    const { deliveries, nextReadyInMs } = await this.#engine.lease(request)
    const { model, matching } = this.#sides()
    model.sweep()
    const chosen: MessageRef[] = deliveries.map(({ stored }) => ({ queue: stored.queue, id: matching.idOf(stored, model) }))
    const expected = model.lease(request, chosen)
    const shown = wants.flatMap(([queue]) => deliveries.filter(({ stored }) => stored.queue === queue))
    const ids = wants.flatMap(([queue]) => chosen.filter((each) => each.queue === queue))
    deepStrictEqual(ids, expected.map(({ queue, id }) => ({ queue, id })), 'handed out, in this order')
    for (const [at, { token, leaseUntil, stored }] of shown.entries()) {
      const item = expected[at]!
      deepStrictEqual(shape(stored, item.id), shape(item, item.id), `delivery of ${item.id}`)
      deepStrictEqual(leaseUntil, item.leaseUntil, `leaseUntil of ${item.id}`)
      deepStrictEqual(matching.addToken(token, item.token!), null)
    }
    this.#compareWait(wants.map(([queue]) => queue), nextReadyInMs)
    this.#lastLease = { request, deliveries }
    this.#reached('os')
  }

  /** A worker that sleeps as long as it is told must not oversleep; being woken early only costs. */
  #compareWait(queues: readonly string[], nextReadyInMs: number | null): void {
    const { nowMs, wallMs, state } = this.#model
    const waits = state.messages.flatMap(({ queue, due, expires, message, state: is }) => {
      const isPaused = state.queues.find(({ name }) => name === queue)!.settings.paused
      if (!queues.includes(queue) || is !== 'delayed' || due === null || expires !== null || message.key !== undefined || isPaused) return []
      return [due.at - (due.clock === 'nowMs' ? nowMs : wallMs)]
    })
    const longest = Math.min(...waits)
    if (waits.length === 0) return
    ok(nextReadyInMs !== null && nextReadyInMs <= longest, `nextReadyInMs is ${nextReadyInMs}, but a message is due in ${longest}`)
  }

  async #leaseAgain(): Promise<void> {
    const { request, deliveries } = this.#lastLease ?? { request: null, deliveries: [] }
    this.#model.sweep()
    const living = this.#model.state.messages.map(({ token }) => token)
    const tokens = deliveries.map((_, at) => this.#matching.token(deliveries.length - 1 - at).model)
    if (request === null || deliveries.length === 0 || !tokens.every((token) => living.includes(token))) return
    const again = await this.#engine.lease(request)
    deepStrictEqual(again.deliveries.map(({ token }) => token), deliveries.map(({ token }) => token), 'the same request gives the same deliveries')
  }

  async #extend(tokens: readonly number[], leaseMs: number): Promise<void> {
    const pairs = tokens.map((n) => this.#matching.token(n))
    const shown = await this.#engine.extend(pairs.map(({ engine }) => engine), leaseMs)
    deepStrictEqual(shown, this.#model.extend(pairs.map(({ model }) => model), leaseMs), 'extend')
    this.#reached('os')
  }

  async #reopen(how: Leaving, unanswered: readonly CommitSketch[], turns: number): Promise<void> {
    const before = this.#model.nowMs
    await this.#interrupt(how, unanswered, turns)
    const [survivor] = this.#engine.capabilities.durability.at(-1) === 'memory' ? [true] : [false]
    const { past, state } = this.#model
    const left: model.State[] = survivor ? [new Model(0, 0).state] : [...past, state].slice(how === 'close' ? past.length : this.#floor[how]).reverse()
    await this.#open()
    const nowMs = await this.#probe()
    ok(nowMs >= Math.min(before, nowMs), 'time goes on')
    await this.#adopt(left, nowMs)
    this.#lastLease = null
    this.#floor = { 'close': 0, 'kill': 0, 'power-cut': 0 }
  }

  /** Commits are under way when the engine is left; those that were answered in time count as confirmed. */
  async #interrupt(how: Leaving, unanswered: readonly CommitSketch[], turns: number): Promise<void> {
    const commits = unanswered.map((sketch) => toCommit(sketch, this.#meaning('engine')))
    const expected = unanswered.map((sketch) => toCommit(sketch, this.#meaning('model')))
    const answered: (readonly CommitResult[] | null)[] = commits.map(() => null)
    const underWay = commits.map((commit, at) => this.#engine.commit([commit]).then((results) => (answered[at] = results), () => null))
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    const inTime = [...answered]
    ok(await leave(this.#storage, this.#engine, how), `${how} is offered`)
    if (how === 'close') await Promise.all(underWay)
    for (const [at, commit] of expected.entries()) {
      const asked = this.#ask(commit)
      const results = how === 'close' ? answered[at] : inTime[at]
      if (results) this.#answered([unanswered[at]!], results, [asked])
      else this.#asFirst(unanswered[at]!, asked.answer)
    }
  }

  /** The newest of the states that may be left and that the engine shows. */
  async #adopt(candidates: readonly model.State[], nowMs: number): Promise<void> {
    const reasons: unknown[] = []
    const matching = this.#matching
    for (const candidate of candidates) {
      this.#matching = matching.fork()
      this.#model.restart(candidate, nowMs, this.#clock.wallMs())
      this.#probeModel()
      try {
        return await compareAll(this.#sides(), this.#options.topics, true)
      } catch (reason) {
        reasons.push(reason)
      }
    }
    throw reasons[0]
  }

  #reached(durability: Durability, place: number = this.#model.past.length): void {
    if (durability !== 'memory') this.#floor.kill = Math.max(this.#floor.kill, place)
    if (durability === 'disk' || durability === 'quorum') this.#floor['power-cut'] = Math.max(this.#floor['power-cut'], place)
  }

  async #open(): Promise<void> {
    const engine = await this.#storage.open({ clock: this.#clock })
    this.#engine = this.#options.hints === 'drop' ? withoutHints(engine) : engine
    this.#engine.watch({ topics: this.#options.topics, queues: [PROBE] }, () => undefined)
  }

  /** Sends a message to see what time the engine has. */
  async #probe(): Promise<number> {
    const sketch: CommitSketch = { changes: [{ do: 'send', queue: PROBE, n: PROBE_BASE + this.#steps }] }
    await this.#engine.commit([toCommit(sketch, this.#meaning('engine'))])
    const [stored] = await this.#engine.find([{ queue: PROBE, id: idOf(PROBE_BASE + this.#steps) }])
    ok(stored, 'a message just sent is found')
    return stored.sentAt
  }

  #probeModel(): void {
    const sketch: CommitSketch = { changes: [{ do: 'send', queue: PROBE, n: PROBE_BASE + this.#steps }] }
    this.#model.commit(toCommit(sketch, this.#meaning('model')))
  }

  #sides(): Sides {
    return { engine: this.#engine, model: this.#model, matching: this.#matching }
  }

  #meaning(side: 'engine' | 'model'): Meaning {
    return {
      wallMs: this.#clock.wallMs(),
      token: (sketch) => this.#matching.token(sketch)[side],
      version: (key, sketch) => (typeof sketch === 'string' ? this.#matching.version(key, sketch)[side] : sketch),
    }
  }
}

/** Numbers that no sequence uses. */
const PROBE_BASE = 1_000_000

function isSame(before: model.State, now: model.State): boolean {
  return Object.entries(before).every(([name, list]) => {
    const others = now[name as keyof model.State]
    return list.length === others.length && list.every((each: object, at: number) => Object.entries(each).every(([field, value]) => value === Reflect.get(others[at]!, field)))
  })
}
