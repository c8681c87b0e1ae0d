/**
 * The numbers of one process: what was sent, handled and asked over HTTP, and the three delays of a message per queue: send (call
 * to durable), receive (ready to handler), process (the handler). Names of queues are labels, so only so many are told apart.
 */
import type { Clock } from '../core/clock.ts'
import type { Delivery, Engine, QueueDepth } from '../core/engine.ts'
import type { Telemetry } from '../runtime/telemetry.ts'
import { Counter, Distribution, renderGauge, renderMeasures, type Labels } from './family.ts'

export interface MetricsDeps {
  readonly telemetry: Telemetry
  readonly engine: Pick<Engine, 'depth' | 'measure'>
  readonly clock: Clock
  /** Queues told apart at most; the rest counts together as 'other'. Default 200. */
  readonly mostQueues?: number | undefined
}

const OTHER = 'other'
const STATES = ['arrived', 'ready', 'held', 'delayed', 'leased', 'dead'] as const

export class Metrics implements Disposable {
  readonly #deps: MetricsDeps
  readonly #queues = new Set<string>()
  readonly #listeners: readonly Disposable[]
  readonly #sent = new Counter('posthorn_sent_total', 'Messages sent by this process.')
  readonly #duplicates = new Counter(
    'posthorn_duplicates_total',
    'Sends that changed nothing, because the message was there already.',
  )
  readonly #ended = new Counter(
    'posthorn_runs_total',
    'Runs by their outcome, in this process or by clients over HTTP.',
  )
  readonly #lost = new Counter('posthorn_leases_lost_total', 'Runs without effect, because their lease was lost.')
  readonly #away = new Counter('posthorn_engine_away_total', 'Calls that the engine did not answer.')
  readonly #requests = new Counter('posthorn_http_requests_total', 'HTTP requests by operation and status.')
  readonly #send = new Distribution('posthorn_send_seconds', 'From the call of a send until it is durable.')
  readonly #receive = new Distribution(
    'posthorn_receive_seconds',
    'From the time a message is ready until its handler starts or a client has it.',
  )
  readonly #process = new Distribution(
    'posthorn_process_seconds',
    'The handler, or from a lease over HTTP until it is settled.',
  )
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
        const labels = this.#labels(queue)
        this.#ended.add({ ...labels, outcome })
        if (outcome === 'released') return
        this.#receive.record(labels, receiveMs)
        this.#process.record(labels, processMs)
      }),
      telemetry.on('lost', ({ queue, why }) => this.#lost.add({ ...this.#labels(queue), why })),
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
      if (stored.readyAt !== null) this.#receive.record(this.#labels(queue), nowMs - stored.readyAt)
  }

  /** A client over HTTP settled what it had. */
  settled(queue: string, outcome: string, processMs: number): void {
    const labels = this.#labels(queue)
    this.#ended.add({ ...labels, outcome })
    this.#process.record(labels, processMs)
  }

  request(operation: string, status: number, ms: number): void {
    this.#requests.add({ operation, status: String(status) })
    this.#request.record({ operation }, ms)
  }

  /** The text format of Prometheus. */
  async render(): Promise<string> {
    const families = [
      this.#sent,
      this.#duplicates,
      this.#ended,
      this.#lost,
      this.#away,
      this.#requests,
      this.#send,
      this.#receive,
      this.#process,
      this.#request,
    ]
    const depths = await this.#deps.engine.depth('all')
    return (
      families.map((family) => family.render()).join('') +
      this.#renderDepths(depths) +
      renderMeasures(this.#deps.engine.measure?.() ?? []) +
      renderProcess()
    )
  }

  #onSent(queue: string, count: number, duplicates: number, ms: number): void {
    const labels = this.#labels(queue)
    this.#sent.add(labels, count)
    if (duplicates > 0) this.#duplicates.add(labels, duplicates)
    this.#send.record(labels, ms, count)
  }

  #renderDepths(depths: readonly QueueDepth[]): string {
    const messages = new Map<string, [Labels, number]>()
    const oldest = new Map<string, [Labels, number]>()
    const nowMs = this.#deps.clock.wallMs()
    for (const depth of depths) {
      const labels = this.#labels(depth.queue)
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

  #labels(queue: string): { readonly queue: string } {
    if (this.#queues.has(queue)) return { queue }
    if (this.#queues.size >= (this.#deps.mostQueues ?? 200)) return { queue: OTHER }
    this.#queues.add(queue)
    return { queue }
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
