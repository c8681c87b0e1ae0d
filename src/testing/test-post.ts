/**
 * Posthorn for users' own tests: a memory engine, a clock that stands still until the test moves it, and handlers that run when
 * the test says so. Nothing sleeps, nothing polls, and the same test does the same thing every time.
 */
import { ManualClock } from '../core/clock.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import { PosthornError } from '../core/error.ts'
import { createIds, type Random } from '../core/id.ts'
import { fromJsonBytes } from '../core/json.ts'
import type { Message } from '../core/message.ts'
import { subscriptionQueue } from '../core/settings.ts'
import { Worker } from '../delivery/worker.ts'
import { createMemoryEngine } from '../engine/memory/engine.ts'
import { Forwarding } from '../event/forwarding.ts'
import type { OperationSnapshot } from '../operation/index.ts'
import {
  createPost,
  internalsOf,
  meetContracts,
  partsOfWork,
  type Internals,
  type Post,
  type Work,
} from '../posthorn.ts'
import { silentLog, type Log } from '../runtime/log.ts'
import {
  bindHandlers,
  definitionOf,
  eventDefinitionOf,
  handlerDefinitionOf,
  topicDefinitionOf,
  type Args,
  type HandlerDefinition,
  type Publishable,
  type PublishOptions,
  type Sendable,
  type SendOptions,
} from '../task/index.ts'
import { InsideRun } from './inside-run.ts'
import { perform, type Performed, type PerformOptions } from './perform.ts'
import { recordSends } from './recorder.ts'

export interface TestOptions {
  /** The time at which the test begins. Default 2026-01-01T00:00:00Z. */
  readonly now?: Date | undefined
  /** Default: none. */
  readonly log?: Log | undefined
  /** For jitter. Default: always 0.5. */
  readonly random?: Random | undefined
}

/** An event that was published, with its data in wire form. */
export type PublishedEvent<Events> = {
  readonly [T in keyof Events & string]: {
    readonly id: string
    readonly type: T
    readonly data: Events[T]
    readonly message: Message
  }
}[keyof Events & string]

/** A message that was sent, with its input in wire form. */
export interface SentMessage<Input> {
  readonly id: string
  readonly input: Input
  readonly message: Message
}

export interface TestPost extends AsyncDisposable {
  readonly post: Post
  readonly clock: TestClock
  /** Publishes what sources have told, and runs handlers until nothing is ready any more. What is delayed waits for the clock. */
  drain(): Promise<{ readonly handled: number }>
  /** What was sent to a contract since the test began, handled or not, by whomever. */
  sent<I, O, Sent>(to: Sendable<I, O, Sent>): readonly SentMessage<I>[]
  /** What was published to a topic since the test began, by whomever. */
  published<E>(topic: Publishable<E>): readonly PublishedEvent<E>[]
  /** Runs the contract's handler once on this input, alone: how it ended, and which effects would take place. */
  perform<I, O, Sent>(
    to: Sendable<I, O, Sent>,
    ...input: Args<NoInfer<I>, SendOptions<NoInfer<O>> & PerformOptions>
  ): Promise<Performed<O>>
  /** Runs a subscription's handler once on this event, alone, likewise; whether it wants the event is not asked. */
  performEvent<E, K extends keyof E & string>(
    topic: Publishable<E>,
    name: string,
    type: K,
    data: NoInfer<E>[K],
    options?: PublishOptions & PerformOptions,
  ): Promise<Performed<void>>
}

/** Stands still until it is moved. */
export class TestClock extends ManualClock {
  /** Moves on, and fires the timers that fall due on the way. Call `drain` to have done what became due. */
  override advance(duration: Duration): void {
    super.advance(parseDuration(duration, 'advance'))
  }
}

/**
 * Opens a Posthorn for one test: `await using t = await testPost(handlers)`.
 * @throws PosthornError as `post.work` does
 */
export async function testPost(work: Work = [], options: TestOptions = {}): Promise<TestPost> {
  const clock = new TestClock(options.now?.getTime())
  const { engine, sent, published } = recordSends(createMemoryEngine({ clock }))
  const bench: { test?: Test } = {}
  const post = await createPost({
    url: 'memory:',
    engine,
    options: { clock, ids: createIds(clock), random: options.random ?? (() => 0.5), log: options.log ?? silentLog },
    release: () => engine.close(),
    insteadOfWaiting: (operation) => bench.test!.insteadOfWaiting(operation),
  })
  try {
    return (bench.test = new Test({ post, clock, sent, published, ...(await bindWork(post, work)) }))
  } catch (error) {
    await post.close()
    throw error
  }
}

async function bindWork(
  post: Post,
  work: Work,
): Promise<Pick<TestParts, 'inside' | 'worker' | 'feeding' | 'handlers' | 'end'>> {
  const stopping = new AbortController()
  const { handlers, feeds, contracts = [], stop } = await partsOfWork(work, { post, signal: stopping.signal })
  const internals = internalsOf(post)
  let feeding: Forwarding | null = null
  const end = async () => {
    await feeding?.stop({ grace: 0 })
    stopping.abort()
    await stop?.()
  }
  try {
    feeding = new Forwarding(internals, feeds)
    await meetContracts(internals, contracts)
    const bindings = await bindHandlers(internals, handlers)
    await feeding.start()
    const inside = new InsideRun()
    return {
      inside,
      feeding,
      worker: new Worker(
        internals,
        bindings.map((binding) => inside.follow(binding)),
      ),
      handlers: handlers.map((handler, at) => handlerDefinitionOf(handler, `handlers[${at}]`)),
      end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

interface TestParts {
  readonly post: Post
  readonly clock: TestClock
  readonly inside: InsideRun
  readonly worker: Worker
  readonly feeding: Forwarding
  readonly handlers: readonly HandlerDefinition[]
  sent(queue: string): readonly Message[]
  published(topic: string): readonly Message[]
  end(): Promise<void>
}

class Test implements TestPost {
  readonly post: Post
  readonly clock: TestClock
  readonly #parts: TestParts
  readonly #internals: Internals
  #draining: Promise<{ readonly handled: number }> | null = null

  constructor(parts: TestParts) {
    this.post = parts.post
    this.clock = parts.clock
    this.#parts = parts
    this.#internals = internalsOf(parts.post)
  }

  drain(): Promise<{ readonly handled: number }> {
    this.#draining ??= this.#drain().finally(() => (this.#draining = null))
    return this.#draining
  }

  sent<I, O, Sent>(to: Sendable<I, O, Sent>): readonly SentMessage<I>[] {
    return this.#parts
      .sent(definitionOf(to, 'what sent was given').queue)
      .map((message) => ({ id: message.id, input: fromJsonBytes(message.body) as I, message }))
  }

  published<E>(topic: Publishable<E>): readonly PublishedEvent<E>[] {
    return this.#parts.published(topicDefinitionOf(topic, 'what published was given').name).map((message) => ({
      id: message.id,
      type: message.event.type,
      data: fromJsonBytes(message.body),
      message,
    })) as unknown as readonly PublishedEvent<E>[]
  }

  async perform<I, O, Sent>(
    to: Sendable<I, O, Sent>,
    ...[input, options]: Args<NoInfer<I>, SendOptions<NoInfer<O>> & PerformOptions>
  ): Promise<Performed<O>> {
    const { queue, kind, name } = definitionOf(to, 'what perform was given')
    const handler = this.#handlerOf(queue, `${kind} '${name}'`)
    return (await perform(this.#internals, handler, input, options ?? {})) as Performed<O>
  }

  async performEvent<E, K extends keyof E & string>(
    topic: Publishable<E>,
    name: string,
    type: K,
    data: NoInfer<E>[K],
    options: PublishOptions & PerformOptions = {},
  ): Promise<Performed<void>> {
    const definition = topicDefinitionOf(topic, 'what performEvent was given')
    const event = eventDefinitionOf(definition, type)
    const queue = subscriptionQueue(definition.name, name)
    const handler = this.#handlerOf(queue, `subscription '${name}' of topic '${definition.name}'`)
    return (await perform(this.#internals, handler, data, options, event)) as Performed<void>
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.worker.stop({ grace: 0 })
    await this.#parts.end()
    await this.post.close({ grace: 0 })
  }

  /** Time stands still, so a wait would never end: what is ready is done, and what is not is told. */
  async insteadOfWaiting({ id, task, status }: OperationSnapshot): Promise<void> {
    const { inside } = this.#parts
    if (inside.here) {
      if (await inside.pause()) return
    } else {
      if (this.#draining !== null) return void (await this.#draining)
      const { handled } = await this.drain()
      if (handled > 0) return
    }
    throw new PosthornError(
      'wait-timed-out',
      `operation ${id} of task '${task}' is ${status}, and nothing that is ready in this test ends it: give its handler to testPost, or move the clock with t.clock.advance() where it is delayed`,
      {
        details: { operation: id, task, status },
      },
    )
  }

  async #drain(): Promise<{ readonly handled: number }> {
    let handled = 0
    for (;;) {
      await this.#parts.feeding.idle()
      const own = await this.#parts.worker.drain()
      const reports = await this.#internals.reports.drain()
      handled += own.handled
      if (own.handled + reports.handled === 0) return { handled }
    }
  }

  #handlerOf(queue: string, what: string): HandlerDefinition {
    const handler = this.#parts.handlers.find(({ definition }) => definition.queue === queue)
    if (handler === undefined) throw new PosthornError('invalid-option', `testPost was given no handler for ${what}`)
    return handler
  }
}
