/**
 * A `forward` while it runs: what waits is composed in order and goes to the engine in one commit. An event that can never
 * be published is told and left out; what fails for a while is tried again where nobody else would.
 */
import { createHash } from 'node:crypto'
import { pause, type Clock } from '../core/clock.ts'
import { isPosthornError, PosthornError } from '../core/error.ts'
import type { Message } from '../core/message.ts'
import type { StopOptions } from '../runtime/lifecycle.ts'
import type { Log } from '../runtime/log.ts'
import {
  eventDefinitionOf,
  type ComposeOptions,
  type Composer,
  type Outgoing,
  type Registry,
  type Sender,
} from '../task/index.ts'
import { isSource, sourceDefinitionOf, type SourceDefinition } from './contract.ts'
import type { SourceEvent } from './listen/told.ts'
import { forwardDefinitionOf, type ForwardDefinition } from './forward.ts'
import { Listener } from './listen/listener.ts'
import { applyMap, toEvent } from './mapped.ts'
import type { Mounts } from './mounts.ts'
import { endListener } from './on.ts'
import type { SourceMeasures } from './source-measure.ts'

export interface ForwardingDeps {
  readonly composer: Composer
  readonly sender: Sender
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Log
  readonly mounts: Mounts
  readonly sources: SourceMeasures
}

/** In one call to the engine. */
const MOST_AT_ONCE = 100
const MOST_BYTES = 4 * 1_048_576
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 10_000
/** What still fits a dedupe text, with the source's name. */
const LONGEST_ID = 500

/** What of a worker is no handler: `forward(…)`, and sources that are only mounted. */
export class Forwarding {
  readonly #deps: ForwardingDeps
  readonly #forwards: readonly ForwardDefinition[]
  readonly #sources: readonly SourceDefinition[]
  readonly #running: { readonly source: SourceDefinition; readonly listener: Listener }[] = []
  readonly #mounted = new DisposableStack()

  /** @throws PosthornError `invalid-module` */
  constructor(deps: ForwardingDeps, given: readonly unknown[]) {
    this.#deps = deps
    this.#sources = given.filter(isSource).map((each) => mountable(sourceDefinitionOf(each, 'one of handlers')))
    this.#forwards = given.filter((each) => !isSource(each)).map((each) => forwardDefinitionOf(each, 'one of handlers'))
    checkApart(this.#forwards)
    for (const { topic } of this.#forwards) deps.registry.addTopic(topic)
  }

  /** Resolves when all sources run; where one cannot begin, none does. */
  async start(): Promise<void> {
    try {
      const { mounts, sources } = this.#deps
      for (const source of this.#sources) {
        this.#mounted.use(mounts.add(source))
        this.#mounted.use(sources.add(source))
      }
      for (const forward of this.#forwards) {
        await this.#deps.composer.prepareTopic(forward.topic)
        this.#mounted.use(mounts.add(forward.source))
        this.#mounted.use(sources.add(forward.source))
        const listener = createListener(this.#deps, forward)
        await forward.source.hub.attach(listener)
        this.#running.push({ source: forward.source, listener })
      }
    } catch (error) {
      await this.stop({ grace: 0 })
      throw error
    }
  }

  /** Resolves when nothing waits to be published. */
  async idle(): Promise<void> {
    await Promise.all(this.#running.map(({ listener }) => listener.idle()))
  }

  async stop(options: StopOptions = {}): Promise<void> {
    this.#mounted.dispose()
    await Promise.all(this.#running.map(({ source, listener }) => endListener(source, listener, options)))
  }
}

/** An event is published once for each forward: two that could not be told apart would have one swallow what is the other's. */
function checkApart(forwards: readonly ForwardDefinition[]): void {
  const known = new Set<string>()
  for (const { source, topic, name, field } of forwards) {
    const key = JSON.stringify([source.name, topic.name, name])
    if (known.has(key))
      throw new PosthornError(
        'invalid-module',
        `there are two of ${field}${name === null ? '' : ` with the name '${name}'`}: give each a name of its own, as in forward(source, topic, { name: 'thin' }), so that an event of one is not taken for the other's`,
        { details: { source: source.name, topic: topic.name } },
      )
    known.add(key)
  }
}

function mountable(source: SourceDefinition): SourceDefinition {
  if (source.mount !== null) return source
  throw new PosthornError(
    'invalid-module',
    `source '${source.name}' stands beside handlers, and has nothing that a server could mount: forward it to a topic, or listen to it with on()`,
    { details: { source: source.name } },
  )
}

function createListener(deps: ForwardingDeps, forward: ForwardDefinition): Listener {
  const { field, limit, wants, source } = forward
  return new Listener({
    name: field,
    limit,
    overflow: 'wait',
    coalesce: null,
    wants: source.map === undefined ? wants : () => true,
    isDurable: true,
    nowMs: () => source.hub.clock.monotonicMs(),
    counted: (what) =>
      what === 'dropped' ? source.hub.refuse() : source.hub.count(what === 'handled' ? 'published' : 'unpublished'),
    most: MOST_AT_ONCE,
    dropping: (error) => deps.log.warn(error.message, { source: source.name }),
    take: (events, signal) => takeAll(deps, forward, events, signal),
  })
}

async function takeAll(
  deps: ForwardingDeps,
  forward: ForwardDefinition,
  events: readonly SourceEvent[],
  signal: AbortSignal,
): Promise<readonly (Error | null)[]> {
  const errors: (Error | null)[] = events.map(() => null)
  const outgoing: { readonly at: number; readonly message: Outgoing }[] = []
  for (const [at, event] of events.entries()) {
    try {
      const message = await compose(deps, forward, event)
      if (message !== null) outgoing.push({ at, message })
    } catch (error) {
      errors[at] = toError(error)
    }
  }
  const failed = await publishAll(
    deps,
    forward,
    outgoing.map(({ message }) => message),
    signal,
  )
  for (const [n, { at }] of outgoing.entries()) errors[at] = failed[n] ?? null
  for (const [at, error] of errors.entries()) if (error !== null) report(deps, forward, events[at]!, error)
  return errors
}

/**
 * Each commit has all that waits, as far as it is not too large: of two events of a source the later is never published before the earlier, nor
 * without it, unless the earlier can never be.
 */
async function publishAll(
  deps: ForwardingDeps,
  forward: ForwardDefinition,
  outgoing: readonly Outgoing[],
  signal: AbortSignal,
): Promise<readonly (Error | null)[]> {
  const errors: (Error | null)[] = outgoing.map(() => null)
  let open = outgoing.map((_, at) => at)
  for (let pauseMs = FIRST_PAUSE_MS; open.length > 0;) {
    const together = open.slice(0, countOfCommit(open.map((at) => outgoing[at]!)))
    const refused = await deps.sender.publishAll(together.map((at) => outgoing[at]!))
    if (refused === null) {
      open = open.slice(together.length)
      pauseMs = FIRST_PAUSE_MS
      continue
    }
    const { at, error } = refused
    if (isForAWhile(error) && !forward.source.isAcknowledged && (await again(deps, forward, pauseMs, error, signal))) {
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
      continue
    }
    const guilty = together[at]
    if (isForAWhile(error) || guilty === undefined) {
      for (const each of open) errors[each] = error
      return errors
    }
    errors[guilty] = error
    open = open.filter((each) => each !== guilty)
  }
  return errors
}

/** The first of them, and what fits beside it. */
function countOfCommit(outgoing: readonly Outgoing[]): number {
  let bytes = 0
  const most = outgoing.findIndex(({ message }) => (bytes += message.body.byteLength) > MOST_BYTES)
  return most < 0 ? outgoing.length : Math.max(1, most)
}

/** Waits; false where there is no more waiting. */
async function again(
  { clock, log }: ForwardingDeps,
  { field }: ForwardDefinition,
  pauseMs: number,
  error: PosthornError,
  signal: AbortSignal,
): Promise<boolean> {
  if (signal.aborted) return false
  if (pauseMs === FIRST_PAUSE_MS) log.warn(`${field}: cannot publish; trying again`, { error })
  try {
    await pause(clock, pauseMs, signal)
    return true
  } catch {
    return false
  }
}

const isForAWhile = ({ retryable, code }: PosthornError): boolean => retryable && code !== 'closed'

async function compose(
  { composer }: ForwardingDeps,
  { source, topic, name, wants }: ForwardDefinition,
  told: SourceEvent,
): Promise<Outgoing | null> {
  const event = await applyMap(source, told)
  if (event === null || !wants(event.type)) return null
  const { id, type, time, subject, key } = event
  const options: ComposeOptions = {
    source: source.name,
    dedupe: `${name === null ? source.name : `${source.name}:${name}`}/${id.length > LONGEST_ID ? createHash('sha256').update(id).digest('hex') : id}`,
    ...(subject === undefined ? {} : { subject }),
    ...(key === undefined ? {} : { key }),
  }
  const made = await composer.compose(eventDefinitionOf(topic, type), event.wire, options)
  // As it came: its id and its time are the sender's.
  const message: Message = { ...made.message, event: { ...made.message.event, id, time } }
  return { queue: made.queue, message }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** Who waits for an answer is told by that. */
function report({ log }: ForwardingDeps, forward: ForwardDefinition, event: SourceEvent, error: Error): void {
  const { field, source, onError } = forward
  if (source.isAcknowledged) return
  const told = isPosthornError(error)
    ? error
    : new PosthornError('handler-failed', `${field}: ${error.message}`, { cause: error })
  const { type, id } = event
  if (onError === null) return log.error(`${field}: an event was left out: ${told.message}`, { type, id, error })
  try {
    onError(told, toEvent(source.name, event))
  } catch (thrown) {
    log.error(`${field}: onError failed`, { error: thrown })
  }
}
