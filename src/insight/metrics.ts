/**
 * The numbers of one process: what was sent, handled and asked over HTTP, and the three delays of a message per queue: send (call
 * to durable), receive (ready to handler), process (the handler). Names of queues are labels, so only so many are told apart.
 */
import type { Clock } from '../core/clock.ts'
import type { Delivery, Engine, QueueDepth } from '../core/engine.ts'
import type { Measure } from '../core/measure.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { Counter, Distribution, renderGauge, renderMeasures, type Labels } from './family.ts'
import { createQueueFamilies, QueueNumbers } from './queue-numbers.ts'

export interface MetricsDeps {
  readonly telemetry: Telemetry
  readonly engine: Pick<Engine, 'depth' | 'measure'>
  readonly clock: Clock
  /** Others that tell of themselves. */
  readonly sources?: { measure(): readonly Measure[] } | undefined
  /** Queues told apart at most; the rest counts together as 'other'. Default 200. */
  readonly mostQueues?: number | undefined
}

const OTHER = 'other'
const STATES = ['arrived', 'ready', 'held', 'delayed', 'leased', 'dead'] as const

export class Metrics implements Disposable {
  readonly #deps: MetricsDeps
  readonly #families = createQueueFamilies()
  readonly #queues = new Map<string, QueueNumbers>()
  readonly #others = new QueueNumbers(this.#families, OTHER)
  readonly #listeners: readonly Disposable[]
  readonly #lost = new Counter('posthorn_leases_lost_total', 'Runs without effect, because their lease was lost.')
  readonly #away = new Counter('posthorn_engine_away_total', 'Calls that the engine did not answer.')
  readonly #requests = new Counter('posthorn_http_requests_total', 'HTTP requests by operation and status.')
  readonly #request = new Distribution(
    'posthorn_http_request_seconds',
    'HTTP requests by operation; long polls with their wait.',
  )

  constructor(deps: MetricsDeps) {
    this.#deps = deps
    const { telemetry } = deps
    this.#listeners = [
      telemetry.on('sent', ({ target, count, duplicates, ms }) => this.#onSent(target, count, duplicates, ms)),
      telemetry.on('ended', ({ queue, outcome, receiveMs, processMs }) => {
        const numbers = this.#of(queue)
        numbers.ended(outcome).value++
        if (outcome === 'released') return
        numbers.receive.record(receiveMs)
        numbers.process.record(processMs)
      }),
      telemetry.on('lost', ({ queue, why }) => this.#lost.add({ ...this.#of(queue).labels, why })),
      telemetry.on('away', ({ doing }) => this.#away.add({ doing })),
    ]
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) listener[Symbol.dispose]()
  }

  /** A client over HTTP was handed these. */
  handedOut(queue: string, deliveries: readonly Delivery[]): void {
    const nowMs = this.#deps.clock.wallMs()
    for (const { stored } of deliveries)
      if (stored.readyAt !== null) this.#of(queue).receive.record(nowMs - stored.readyAt)
  }

  /** A client over HTTP settled what it had. */
  settled(queue: string, outcome: string, processMs: number): void {
    const numbers = this.#of(queue)
    numbers.ended(outcome).value++
    numbers.process.record(processMs)
  }

  request(operation: string, status: number, ms: number): void {
    this.#requests.add({ operation, status: String(status) })
    this.#request.record({ operation }, ms)
  }

  /** The text format of Prometheus. */
  async render(): Promise<string> {
    const { sent, duplicates, ended, send, receive, process } = this.#families
    const counters = [sent, duplicates, ended, this.#lost, this.#away, this.#requests]
    const distributions = [send, receive, process, this.#request]
    const { engine, sources } = this.#deps
    const depths = await engine.depth('all')
    return (
      [...counters, ...distributions].map((family) => family.render()).join('') +
      this.#renderDepths(depths) +
      renderMeasures([...(engine.measure?.() ?? []), ...(sources?.measure() ?? [])]) +
      renderProcess()
    )
  }

  #onSent(queue: string, count: number, duplicates: number, ms: number): void {
    const numbers = this.#of(queue)
    numbers.sent.value += count
    if (duplicates > 0) numbers.duplicates.value += duplicates
    numbers.send.record(ms, count)
  }

  #renderDepths(depths: readonly QueueDepth[]): string {
    const messages = new Map<string, [Labels, number]>()
    const oldest = new Map<string, [Labels, number]>()
    const nowMs = this.#deps.clock.wallMs()
    for (const depth of depths) {
      const { labels } = this.#of(depth.queue)
      for (const state of STATES) put(messages, { ...labels, state }, depth[state], (a, b) => a + b)
      if (depth.oldestReadyAt !== null) put(oldest, labels, Math.max(0, nowMs - depth.oldestReadyAt) / 1_000, Math.max)
    }
    return (
      renderGauge('posthorn_queue_messages', 'Messages of a queue by state.', messages.values()) +
      renderGauge(
        'posthorn_queue_oldest_ready_seconds',
        'How long the oldest message that is ready has been so.',
        oldest.values(),
      )
    )
  }

  #of(queue: string): QueueNumbers {
    const known = this.#queues.get(queue)
    if (known !== undefined) return known
    if (this.#queues.size >= (this.#deps.mostQueues ?? 200)) return this.#others
    const numbers = new QueueNumbers(this.#families, queue)
    this.#queues.set(queue, numbers)
    return numbers
  }
}

function put(
  values: Map<string, [Labels, number]>,
  labels: Labels,
  value: number,
  join: (a: number, b: number) => number,
): void {
  const key = JSON.stringify(labels)
  const known = values.get(key)
  values.set(key, [labels, known === undefined ? value : join(known[1], value)])
}

function renderProcess(): string {
  const { user, system } = process.cpuUsage()
  return (
    renderGauge('process_resident_memory_bytes', 'Memory of the process.', [[{}, process.memoryUsage.rss()]]) +
    renderGauge('process_cpu_seconds_total', 'Processor time of the process.', [[{}, (user + system) / 1e6]], 'counter')
  )
}
