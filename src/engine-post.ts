/** `Post` on an open engine: what a user's calls come to, and the order in which it all ends. */
import { createAppControl, type AppControl } from './app/index.ts'
import { createEndpointControl, type EndpointControl } from './callback/index.ts'
import type { Clock } from './core/clock.ts'
import { parseDuration } from './core/duration.ts'
import type { Engine } from './core/engine.ts'
import { PosthornError } from './core/error.ts'
import type { Ids, Random } from './core/id.ts'
import type { Measure } from './core/measure.ts'
import { checkKnown } from './core/option.ts'
import type { Binding } from './delivery/binding.ts'
import { Worker as DeliveryWorker } from './delivery/worker.ts'
import {
  attach,
  attachSent,
  type AttachDeps,
  type EndingDeps,
  type Operation,
  type OperationStore,
  type Receipt,
  type SentOperation,
} from './operation/index.ts'
import { meetContracts, partsOfWork } from './work-parts.ts'
import { Forwarding } from './event/forwarding.ts'
import type { Mounts } from './event/mounts.ts'
import type { SourceMeasures } from './event/source-measure.ts'
import type { Post, PublishReceipt, StopOptions, Work, Worker, WorkOptions } from './post.ts'
import { createQueueControl, declareSettingsIfNone, type QueueControl } from './queue/index.ts'
import { createRecordControl, type RecordControl } from './record/index.ts'
import type { Log } from './runtime/log.ts'
import type { Telemetry } from './runtime/telemetry.ts'
import {
  bindHandlers,
  definitionOf,
  eventDefinitionOf,
  JoinSender,
  parseOutput,
  topicDefinitionOf,
  Working,
  type WorkingDeps,
  type Composer,
  type ComposeOptions,
  type Definition,
  type Effects,
  type InsideMark,
  type JoinOptions,
  type Registry,
  type Sender,
  type Task,
} from './task/index.ts'
import { createTopicControl, type TopicControl } from './topic/index.ts'

/** For the floors above: what a `Post` stands on. Not part of the public API. */
export interface Internals {
  readonly url: string
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  readonly random: Random
  readonly log: Log
  readonly source: string
  readonly limits: { readonly bodyBytes: number }
  readonly telemetry: Telemetry
  /** Contracts that this process has met. */
  readonly registry: Registry
  readonly composer: Composer
  readonly sender: Sender
  readonly operations: OperationStore
  /** That seal endpoints' secrets, the newest first; none: the engine's own. */
  readonly masterKeys: readonly Uint8Array[]
  /** Sources that the server may be asked for. */
  readonly mounts: Mounts
  readonly sources: SourceMeasures
  /** For `endingChanges` and `endingBySettle`. */
  readonly ending: EndingDeps
  /** Ends operations whose messages ended without a handler. */
  readonly reports: DeliveryWorker
  /** Notices sends inside handlers. */
  readonly inside: InsideMark
  /** Aborts when the post closes, once its workers have stopped. */
  readonly closing: AbortSignal
}

/** The same, with what ends it. */
export interface EngineParts extends Internals {
  readonly closer: AbortController
  /** Ends what the post no longer needs. */
  readonly release: () => Promise<void>
}

export class EnginePost implements Post {
  readonly records: RecordControl
  readonly apps: AppControl
  readonly endpoints: EndpointControl
  readonly #parts: EngineParts
  readonly #joinSender: JoinSender
  readonly #workers = new Set<Working>()
  readonly #declared = new WeakMap<Definition, Promise<void>>()
  readonly #attachDeps = new WeakMap<Definition, AttachDeps<unknown>>()
  #closed: Promise<void> | null = null

  constructor(parts: EngineParts) {
    this.#parts = parts
    this.records = createRecordControl(parts.engine, parts.clock)
    this.#joinSender = new JoinSender(parts)
    this.apps = createAppControl(parts)
    this.endpoints = createEndpointControl({ ...parts, bytesOf: (app) => this.#bytesOf(app) })
  }

  send(to: unknown, input?: unknown, options?: unknown): Promise<never> {
    try {
      const { inside, registry } = this.#parts
      this.#checkOpen()
      if (isJoining(options)) return this.#sendWithin(to, input, options)
      inside.check('send')
      const definition = definitionOf(to, 'what send was given')
      registry.add(definition)
      return this.#send(definition, input, options as ComposeOptions | undefined)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async publish(
    topic: unknown,
    type: unknown,
    input: unknown,
    options?: ComposeOptions & JoinOptions,
  ): Promise<PublishReceipt> {
    const { inside, registry, sender, composer } = this.#parts
    this.#checkOpen()
    if (!isJoining(options)) inside.check('publish')
    const definition = topicDefinitionOf(topic, 'what publish was given')
    const event = eventDefinitionOf(definition, type)
    registry.addTopic(definition)
    if (isJoining(options)) return { ...(await this.#joinSender.publish(event, input, options)), matched: 0 }
    const late = composer.prepareTopic(definition)
    if (late !== null) await late
    const { routed, ...receipt } = await sender.publish(event, input, options)
    return { ...receipt, matched: routed }
  }

  async commit<T>(body: (effects: Effects) => T | Promise<T>, options: JoinOptions = {}): Promise<T> {
    this.#checkOpen()
    checkKnown('commit', options, ['within'])
    if (isJoining(options)) return this.#joinSender.commit(body, options.within)
    this.#parts.inside.check('commit')
    return this.#parts.sender.commit(body)
  }

  async work(work: Work, options: WorkOptions = {}): Promise<Worker> {
    checkKnown('work', options, ['signal'])
    const { signal } = options
    if (this.#closed !== null) throw new PosthornError('closed', 'the post is closed')
    const parts = this.#parts
    const stopping = new AbortController()
    const given = { post: this, signal: stopping.signal }
    const { handlers, feeds, contracts = [], stop: end } = await partsOfWork(work, given)
    try {
      await meetContracts(parts, contracts)
      const inside = parts.inside.ofWorker()
      const bindings = await bindHandlers({ ...parts, inside }, handlers)
      const feeding = new Forwarding(parts, feeds)
      // Closed in the meantime: who closed it knew nothing of this worker, and nobody would ever stop it.
      if (this.#closed !== null) throw new PosthornError('closed', 'the post was closed before the worker began')
      return await this.#begin(bindings, { inside, feeding, stopping, end, signal })
    } catch (error) {
      stopping.abort()
      await end?.()
      throw error
    }
  }

  async #begin(
    bindings: readonly Binding[],
    {
      signal,
      feeding,
      ...ends
    }: Pick<WorkingDeps, 'inside' | 'stopping' | 'end'> & WorkOptions & { readonly feeding: Forwarding },
  ): Promise<Working> {
    const worker = new DeliveryWorker(this.#parts, bindings)
    const stopOnAbort = () =>
      void working.stop().catch((error: unknown) => this.#parts.log.error('a worker did not end well', { error }))
    const working = new Working({
      ...ends,
      worker,
      feeding,
      queues: bindings.map(({ queue }) => queue),
      ended: () => {
        this.#workers.delete(working)
        signal?.removeEventListener('abort', stopOnAbort)
      },
    })
    this.#workers.add(working)
    await worker.start()
    try {
      await feeding.start()
    } catch (error) {
      this.#workers.delete(working)
      await worker.stop({ grace: 0 })
      throw error
    }
    if (signal?.aborted === true) stopOnAbort()
    else signal?.addEventListener('abort', stopOnAbort, { once: true })
    return working
  }

  operation<I, O, E, P, R>(task: Task<I, O, E, P, R>, id: string): Operation<O, E> {
    const definition = definitionOf(task, 'what operation was given')
    if (definition.kind !== 'task')
      throw new PosthornError(
        'invalid-option',
        `${definition.kind} '${definition.name}' has no operations: only tasks have`,
      )
    return attach<O, E>(this.#attaching(definition) as AttachDeps<O>, id)
  }

  topic(of: unknown): TopicControl {
    return createTopicControl(
      this.#parts,
      typeof of === 'string' ? of : topicDefinitionOf(of, 'what topic was given').name,
    )
  }

  queue(of: unknown): QueueControl {
    return createQueueControl(this.#parts, typeof of === 'string' ? of : definitionOf(of, 'what queue was given').queue)
  }

  measure(): readonly Measure[] {
    return this.#parts.engine.measure?.() ?? []
  }

  async close(options: StopOptions = {}): Promise<void> {
    checkKnown('close', options, ['grace'])
    if (options.grace !== undefined) parseDuration(options.grace, 'grace')
    // Each call may shorten the grace of what still runs.
    const stopped = Promise.allSettled([...this.#workers].map((worker) => worker.stop(options)))
    await (this.#closed ??= this.#close(stopped))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #send(definition: Definition, input: unknown, options: ComposeOptions | undefined): Promise<never> {
    const sent =
      definition.settings === null
        ? this.#parts.sender.send(definition, input, options)
        : this.#declare(definition).then(() => this.#parts.sender.send(definition, input, options))
    return (definition.kind === 'queue' ? sent : this.#attachSent(definition, sent)) as Promise<never>
  }

  async #sendWithin(to: unknown, input: unknown, options: ComposeOptions & JoinOptions): Promise<never> {
    const definition = definitionOf(to, 'what send was given')
    this.#parts.registry.add(definition)
    const { receipt, joined } = await this.#joinSender.send(definition, input, options)
    return (definition.kind === 'queue' ? receipt : attachSent(this.#attaching(definition), receipt, joined)) as never
  }

  async #attachSent(definition: Definition, sent: Promise<Receipt>): Promise<SentOperation<unknown, unknown>> {
    return attachSent(this.#attaching(definition), await sent)
  }

  #attaching(definition: Definition): AttachDeps<unknown> {
    let deps = this.#attachDeps.get(definition)
    if (deps === undefined) {
      const { operations: store } = this.#parts
      deps = { store, task: definition.name, parse: (output) => parseOutput(definition, output) }
      this.#attachDeps.set(definition, deps)
    }
    return deps
  }

  async #bytesOf(app: string): Promise<number> {
    const found = await this.apps.get(app)
    // What comes to one that is being deleted would be left behind.
    if (found === null || found.deleting)
      throw new PosthornError('app-not-found', `there is no app '${app}'`, { details: { app } })
    return found.quotas.bytes
  }

  /** Handlers may send while they are being stopped. An engine that is shared is open longer than this post. */
  #checkOpen(): void {
    if (this.#parts.closing.aborted) throw new PosthornError('closed', 'the post is closed')
  }

  async #close(stopped: Promise<readonly PromiseSettledResult<void>[]>): Promise<void> {
    for (const end of await stopped)
      if (end.status === 'rejected') this.#parts.log.error('a worker did not end well', { error: end.reason })
    this.#parts.closer.abort(new PosthornError('closed', 'the post is closed'))
    await this.#parts.reports.stop({ grace: 0 })
    await this.#parts.release()
  }

  /** What the contract declares of its queue, where nobody has set anything yet; once in the life of this post. */
  #declare(definition: Definition): Promise<void> {
    let declared = this.#declared.get(definition)
    if (declared === undefined) {
      declared = declareSettingsIfNone(this.#parts.engine, definition.queue, definition.settings!)
      declared.catch(() => this.#declared.delete(definition))
      this.#declared.set(definition, declared)
    }
    return declared
  }
}

const isJoining = (options: unknown): options is ComposeOptions & JoinOptions & { readonly within: object } =>
  (options as JoinOptions | null | undefined)?.within !== undefined
