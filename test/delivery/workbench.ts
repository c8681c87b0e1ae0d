/**
 * A worker on a real memory engine and a clock that stands still, with faults on request: what the worker asks of the engine can
 * be counted, refused, lost before or after it happened, and hints can be dropped.
 */
import { ManualClock } from '../../src/core/clock.ts'
import type { Change, Commit, CommitResult, Engine, LeaseRequest, RoomFor } from '../../src/core/engine.ts'
import { PosthornError } from '../../src/core/error.ts'
import { createIds, type Ids } from '../../src/core/id.ts'
import type { Message, StoredMessage } from '../../src/core/message.ts'
import type { Binding } from '../../src/delivery/binding.ts'
import { Worker, type WorkerDeps, type WorkerOptions } from '../../src/delivery/worker.ts'
import { createMemoryEngine } from '../../src/engine/memory/engine.ts'
import { createLog, type LogLevel } from '../../src/runtime/log.ts'
import { Telemetry, type TelemetryEvents, type TelemetryName } from '../../src/runtime/telemetry.ts'

const LOST = 'the connection was lost'

/** before: it did not happen · after: it happened, and the answer was lost. */
export type Fault = 'before' | 'after'

export class Workbench {
  readonly clock: ManualClock
  readonly ids: Ids
  readonly engine: Engine
  readonly telemetry: Telemetry = new Telemetry()
  readonly logged: string[] = []
  readonly leases: LeaseRequest[] = []
  readonly commits: Commit[] = []
  readonly events: { readonly [N in TelemetryName]: TelemetryEvents[N][] } = {
    sent: [],
    leased: [],
    started: [],
    ended: [],
    lost: [],
    refused: [],
    away: [],
    back: [],
  }
  /** What happens to the next calls; asked for each. */
  fault: (call: 'lease' | 'commit' | 'extend') => Fault | null = () => null
  /** What the next calls wait for. */
  before: (call: 'lease' | 'commit' | 'extend') => Promise<void> | undefined = () => undefined
  /** Of all that was handed to the worker. */
  readonly tokens: string[] = []
  hints = true
  /** What the last worker that was started has room for. */
  roomFor: RoomFor | null = null
  processes: Engine['capabilities']['processes'] = 'one'

  private constructor(clock: ManualClock, engine: Engine) {
    this.clock = clock
    this.ids = createIds(clock)
    this.engine = engine
    for (const name of Object.keys(this.events) as TelemetryName[])
      this.telemetry.on(name, (event) => (this.events[name] as unknown[]).push(event))
  }

  static async create(): Promise<Workbench> {
    const clock = new ManualClock()
    return new Workbench(clock, createMemoryEngine({ clock }))
  }

  worker(bindings: readonly Binding[], options: WorkerOptions = {}): Worker {
    const log = createLog((level: LogLevel, message) => void this.logged.push(`${level}: ${message}`))
    return new Worker(
      { engine: this.#faulty(), clock: this.clock, random: () => 0.5, ids: this.ids, log, telemetry: this.telemetry },
      bindings,
      options,
    )
  }

  async send(queue: string, options: Partial<Message> & { readonly data?: unknown } = {}): Promise<string> {
    const { data, ...rest } = options
    const id = this.ids.uuid()
    const body = new TextEncoder().encode(JSON.stringify(data ?? null))
    await this.commit({
      do: 'send',
      queue,
      message: { id, event: { id, source: 'test', type: 'test' }, body, priority: 4, ...rest },
    })
    return id
  }

  async commit(...changes: Change[]): Promise<CommitResult> {
    return (await this.engine.commit([{ changes }]))[0]!
  }

  async find(queue: string, id: string): Promise<StoredMessage | null> {
    return (await this.engine.find([{ queue, id }]))[0]!
  }

  /** Lets everything happen that time does not hold back. */
  async settle(turns = 30): Promise<void> {
    for (let turn = 0; turn < turns; turn++) {
      await new Promise<void>((resolve) => setImmediate(resolve))
      // What fell due while a handler kept the event loop fires now.
      this.clock.advance(0)
    }
  }

  /** Lets things happen, one turn after the other, until it is so. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await this.settle(1)
  }

  /** Moves the clock from timer to timer, and lets everything happen at each. */
  async advance(ms: number): Promise<void> {
    await this.settle()
    for (let leftMs = ms; ;) {
      const stepMs = Math.min(leftMs, this.clock.nextTimerInMs() ?? leftMs)
      this.clock.advance(stepMs)
      await this.settle()
      leftMs -= stepMs
      if (leftMs <= 0) return
    }
  }

  #faulty(): WorkerDeps['engine'] {
    const { engine } = this
    const call = async <T>(name: 'lease' | 'commit' | 'extend', act: () => Promise<T>): Promise<T> => {
      await this.before(name)
      const fault = this.fault(name)
      if (fault === 'before') throw new PosthornError('unknown', LOST)
      const answer = await act()
      if (fault === 'after') throw new PosthornError('unknown', LOST)
      return answer
    }
    return {
      capabilities: { ...engine.capabilities, processes: this.processes },
      lease: async (request) => {
        this.leases.push(request)
        const result = await call('lease', () => engine.lease(request))
        this.tokens.push(...result.deliveries.map(({ token }) => token))
        return result
      },
      commit: (commits) => (this.commits.push(...commits), call('commit', () => engine.commit(commits))),
      extend: (tokens, leaseMs) => call('extend', () => engine.extend(tokens, leaseMs)),
      watch: (interest, hint, roomFor) => {
        this.roomFor = roomFor ?? null
        return engine.watch(interest, (what) => void (this.hints && hint(what)))
      },
    }
  }
}
