/** Drives an engine and the oracle side by side, command by command, and stops at the first answer on which they disagree. */
import { deepStrictEqual, ok } from 'node:assert/strict'
import { ManualClock } from '../core/clock.ts'
import type { Commit, CommitResult, Delivery, Engine, LeaseRequest } from '../core/engine.ts'
import { idOf, toCommit, type Command, type CommitSketch, type Meaning } from './command.ts'
import { isCaughtUp, isPlaced } from './look.ts'
import { Model } from './model.ts'
import { leave, withoutHints, type Leaving, type Storage } from './subject.ts'
import { World, type Answered } from './world.ts'

export interface DriveOptions {
  readonly hints: 'deliver' | 'drop'
  /** Topics to look at. */
  readonly topics: readonly string[]
}

/** A queue of the drive's own, and numbers that no sequence uses: what is sent there tells the engine's time. */
const PROBE = 'probe'
const PROBE_NUMBERS = 1_000_000

export class Drive {
  readonly #storage: Storage
  readonly #options: DriveOptions
  readonly #clock = new ManualClock()
  #engine!: Engine
  #worlds: readonly World[] = []
  #steps = 0
  #lastLease: { readonly request: LeaseRequest; readonly deliveries: readonly Delivery[] } | null = null

  private constructor(storage: Storage, options: DriveOptions) {
    this.#storage = storage
    this.#options = options
  }

  static async begin(storage: Storage, options: DriveOptions): Promise<Drive> {
    const drive = new Drive(storage, options)
    await drive.#open()
    const { nowMs, answered } = await drive.#probe()
    const oracle = new Model()
    oracle.open(nowMs, drive.#clock.wallMs())
    const world = new World(oracle)
    world.commit(answered)
    drive.#worlds = [world]
    return drive
  }

  /** @throws AssertionError where engine and oracle disagree */
  async step(command: Command): Promise<void> {
    this.#steps++
    switch (command.do) {
      case 'commit':
        return this.#commit(command.commits, command.apart ?? false)
      case 'lease':
        return this.#lease(command)
      case 'lease-again':
        return this.#leaseAgain()
      case 'extend': {
        const tokens = command.tokens.map((n) => this.#meaning().token(n))
        const answer = await this.#engine.extend(tokens, command.leaseMs)
        return this.#inEach((world) => world.extend(tokens, command.leaseMs, answer))
      }
      case 'advance':
        this.#clock.advance(command.ms)
        for (const world of this.#worlds) world.pass(command.ms)
        return isPlaced(this.#engine)
      case 'step-wall':
        this.#clock.stepWall(command.ms)
        await isPlaced(this.#engine)
        for (const world of this.#worlds) world.stepWall(command.ms)
        return
      case 'reopen':
        return this.#reopen(command)
      case 'look':
        return this.look()
    }
  }

  /** Lets the engine fetch what subscriptions have to take, where that takes it a while: the oracle has it at once. */
  caughtUp(): Promise<void> {
    return isCaughtUp(this.#engine)
  }

  /** Compares everything that can be seen. */
  look(): Promise<void> {
    return this.#inEach((world) => world.look(this.#engine, this.#options.topics))
  }

  async close(): Promise<void> {
    await this.#engine.close()
    await this.#storage.remove?.()
  }

  async #commit(sketches: readonly CommitSketch[], apart: boolean): Promise<void> {
    const commits = this.#toCommits(sketches)
    const calls = apart ? commits.map((commit) => [commit]) : [commits]
    const results = (await Promise.all(calls.map((call) => this.#engine.commit(call)))).flat()
    deepStrictEqual(results.length, commits.length, 'as many results as commits')
    const answered = commits.map((commit, at): Answered => ({ commit, result: results[at]! }))
    await this.#inEach((world) => world.commit(answered))
  }

  async #lease({ wants, leaseMs, holder }: Extract<Command, { do: 'lease' }>): Promise<void> {
    const asked = wants.map(([queue, max]) => ({ queue, max }))
    const request = { id: `lease ${this.#steps}`, worker: 'kit', holder, leaseMs, wants: asked }
    const result = await this.#engine.lease(request)
    this.#lastLease = { request, deliveries: result.deliveries }
    await this.#inEach((world) => world.lease(request, result))
  }

  async #leaseAgain(): Promise<void> {
    const { request, deliveries } = this.#lastLease ?? { request: null, deliveries: [] }
    const tokens = deliveries.map(({ token }) => token)
    if (request === null || tokens.length === 0 || !this.#worlds.every((world) => world.holds(tokens))) return
    const again = await this.#engine.lease(request)
    deepStrictEqual(
      again.deliveries.map(({ token }) => token),
      tokens,
      'the same request gives the same deliveries',
    )
  }

  async #reopen({ how, unanswered = [], turns = 0, luck = 0 }: Extract<Command, { do: 'reopen' }>): Promise<void> {
    const keepsNothing = this.#engine.capabilities.durability.at(-1) === 'memory'
    await this.#leaveAmid(how, this.#toCommits(unanswered), turns, luck)
    const candidates = this.#worlds.flatMap((world) => world.successors(keepsNothing ? 'all' : how))
    await this.#open()
    const { nowMs, answered } = await this.#probe()
    this.#worlds = candidates
    this.#lastLease = null
    await this.#inEach((world) => {
      world.restart(nowMs, this.#clock.wallMs())
      world.commit(answered)
    })
    await this.caughtUp()
    await this.#inEach((world) => world.look(this.#engine, this.#options.topics, true))
  }

  /** Commits are under way when the engine is left; those that were answered in time count as confirmed. */
  async #leaveAmid(how: Leaving, commits: readonly Commit[], turns: number, luck: number): Promise<void> {
    const results: (CommitResult | null)[] = commits.map(() => null)
    const underWay = commits.map(async (commit, at) => {
      const [result] = await this.#engine.commit([commit])
      results[at] = result ?? null
    })
    const settled = Promise.allSettled(underWay)
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
    const inTime = [...results]
    ok(await leave(this.#storage, this.#engine, how, luck), `${how} is offered`)
    if (how === 'close') await settled
    const answered = commits.map((commit, at): Answered => ({
      commit,
      result: (how === 'close' ? results : inTime)[at]!,
    }))
    await this.#inEach((world) => world.commit(answered))
  }

  /** Keeps the worlds in which the check holds; where it holds in none, the first says why. */
  async #inEach(check: (world: World) => void | Promise<void>): Promise<void> {
    const left: World[] = []
    const reasons: unknown[] = []
    for (const world of this.#worlds) {
      try {
        await check(world)
        left.push(world)
      } catch (reason) {
        reasons.push(reason)
      }
    }
    if (left.length === 0) throw reasons[0]
    this.#worlds = left
  }

  async #open(): Promise<void> {
    const engine = await this.#storage.open({ clock: this.#clock })
    this.#engine = this.#options.hints === 'drop' ? withoutHints(engine) : engine
    this.#engine.watch({ topics: this.#options.topics, queues: [PROBE] }, () => undefined)
  }

  /** Sends a message to see what time the engine has. */
  async #probe(): Promise<{ readonly nowMs: number; readonly answered: readonly Answered[] }> {
    const n = PROBE_NUMBERS + this.#steps
    const [commit] = this.#toCommits([{ changes: [{ do: 'send', queue: PROBE, n }] }])
    const [result] = await this.#engine.commit([commit!])
    const [stored] = await this.#engine.find([{ queue: PROBE, id: idOf(n) }])
    ok(result && stored, 'a message just sent is found')
    return { nowMs: stored.sentAt, answered: [{ commit: commit!, result }] }
  }

  #toCommits(sketches: readonly CommitSketch[]): Commit[] {
    return sketches.map((sketch) => toCommit(sketch, this.#meaning()))
  }

  #meaning(): Meaning {
    const matching = this.#worlds[0]?.matching
    return {
      wallMs: this.#clock.wallMs(),
      token: (n) => matching?.token(n) ?? '',
      version: (key, which) => (typeof which === 'string' ? matching?.version(key, which) : which),
    }
  }
}
