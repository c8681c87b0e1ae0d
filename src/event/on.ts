/** In-process callbacks: a function called for each event of a source, one at a time and in order, until it is disposed. */
import type { Duration } from '../core/duration.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { toPromise } from '../core/thenable.ts'
import { Grace } from '../runtime/grace.ts'
import type { Event } from '../topic/index.ts'
import { sourceDefinitionOf, type Source, type SourceDefinition } from './contract.ts'
import { Listener, type ListenerCounts, type Overflow } from './listen/listener.ts'
import type { SourceEvent } from './listen/told.ts'
import { applyMap, toEvent } from './mapped.ts'
import { resolveTypes, type CheckedTypes, type Wanted } from './wanted.ts'

/** The union of the events of these types. */
export type ToldEvent<Parsed, Types extends string> = {
  [T in Types]: Event<T, T extends keyof Parsed ? Parsed[T] : unknown>
}[Types]

export interface OnContext {
  /** Aborts when the listener is disposed, or its stop has waited long enough. */
  readonly signal: AbortSignal
}

export interface OnOptions<Event = never, Types = string | readonly string[]> {
  /** Which events, by pattern. Default: all. */
  readonly types?: Types | undefined
  /** How many events may wait for the handler. Default 1,000. */
  readonly limit?: number | undefined
  /**
   * What becomes of an event that there is no room for. 'wait': the source waits, as far as it can: files and connections are read no
   * further, requests are answered late (then 503), `emit` resolves later. Default 'wait'.
   */
  readonly overflow?: Overflow | undefined
  /** Signal style: of events that wait, the later takes the place of the earlier, if the function gives both the same text; true: always. */
  readonly coalesce?: true | ((event: Event) => string) | undefined
  /** Told what the handler threw, or `coalesce`. The next event is handled all the same. Default: the source's log. */
  readonly onError?: ((error: unknown, event: Event) => void) | undefined
}

/** A listener that runs. `using` ends it at once, `await using` once what waits is handled. */
export interface Listening extends Disposable, AsyncDisposable {
  readonly source: string
  readonly counts: ListenerCounts
  /** Takes no more events, handles those that wait for as long as the grace says (default 25 s), then gives them up. Idempotent. Not inside its own handler. */
  stop(options?: { readonly grace?: Duration | undefined }): Promise<void>
}

const KNOWN = ['types', 'limit', 'overflow', 'coalesce', 'onError']
export const DEFAULT_LIMIT = 1_000
const LARGEST_LIMIT = 1_000_000
const POLICIES: readonly Overflow[] = ['wait', 'drop-oldest', 'drop-newest']

/**
 * Calls the handler for every event of the source from now on: `using changes = await on(fileChanges('inbox', './in'), (event) => { … })`.
 * Resolves when the source runs. Nothing is stored: what the process has not handled when it ends is gone; `forward` is for what must not be.
 * @throws PosthornError `invalid-option`; what keeps the source from beginning (a port that is taken, a folder that is not there)
 */
export async function on<N extends string, E, P, const T extends string = '**'>(
  source: Source<N, E, P>,
  handler: (event: ToldEvent<P, Wanted<E, T>>, ctx: OnContext) => unknown,
  options: OnOptions<ToldEvent<P, Wanted<E, T>>, CheckedTypes<N, E, T> | readonly CheckedTypes<N, E, T>[]> = {},
): Promise<Listening> {
  const definition = sourceDefinitionOf(source, 'the first argument of on()')
  const field = `on(${definition.name})`
  if (typeof handler !== 'function') throw invalidOption(field, 'the handler', handler, 'a function of the event')
  const listener = createListener(definition, field, handler as Handler, options as unknown as OnOptions<Event>)
  await definition.hub.attach(listener)
  return new RunningListener(definition, listener)
}

type Handler = (event: Event, ctx: OnContext) => unknown

/** @throws PosthornError `invalid-option` */
export function checkLimit(field: string, limit: number): number {
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > LARGEST_LIMIT)
    throw invalidOption(field, 'limit', limit, `a whole number from 1 to ${LARGEST_LIMIT}`)
  return limit
}

/** Narrows nothing: what was given keeps its type. */
function checkPlain(field: string, options: object): void {
  if (!isPlain(options)) throw invalidOption(field, 'options', options, "an object like { overflow: 'drop-oldest' }")
}

function createListener(
  definition: SourceDefinition,
  field: string,
  handler: Handler,
  options: OnOptions<Event>,
): Listener {
  const { name, hub, map } = definition
  checkPlain(field, options)
  checkKnown(field, options, KNOWN)
  const { types, limit = DEFAULT_LIMIT, overflow = 'wait', coalesce, onError } = options
  if (!POLICIES.includes(overflow))
    throw invalidOption(field, 'overflow', overflow, POLICIES.map((each) => `'${each}'`).join(', '))
  if (coalesce !== undefined && coalesce !== true && typeof coalesce !== 'function')
    throw invalidOption(field, 'coalesce', coalesce, 'true, or a function from an event to a text')
  if (onError !== undefined && typeof onError !== 'function')
    throw invalidOption(field, 'onError', onError, 'a function of the error and the event')
  const report = (thrown: unknown, event: Event): void => {
    try {
      if (onError === undefined)
        hub.log.error(`a listener of source '${name}' failed`, {
          source: name,
          type: event.type,
          id: event.id,
          error: thrown,
        })
      else toPromise(onError(thrown, event))?.catch(() => {})
    } catch (error) {
      hub.log.error(`onError of a listener of source '${name}' failed`, { source: name, error })
    }
  }
  const wants = resolveTypes(field, types)
  const textOf = (told: SourceEvent): string | undefined => {
    if (typeof coalesce !== 'function') return ''
    const event = toEvent(name, told)
    try {
      return coalesce(event)
    } catch (error) {
      // Whoever tells is not to be held up by it: the event comes as one of its own.
      report(error, event)
      return undefined
    }
  }
  return new Listener({
    name: `a listener of source '${name}'`,
    limit: checkLimit(field, limit),
    overflow,
    coalesce: coalesce === undefined ? null : textOf,
    // What a map makes of it is known when it is made.
    wants: map === undefined ? wants : () => true,
    isDurable: false,
    nowMs: () => hub.clock.monotonicMs(),
    counted: (what) => (what === 'dropped' ? hub.refuse() : hub.count(what)),
    most: 1,
    dropping: (error) => hub.log.warn(error.message, { source: name }),
    take: async ([told], signal) => {
      let event = toEvent(name, told!)
      try {
        const given = await applyMap(definition, told!)
        if (given === null || !wants(given.type)) return [null]
        event = toEvent(name, given)
        await handler(event, { signal })
        return [null]
      } catch (error) {
        report(error, event)
        return [error instanceof Error ? error : new Error(String(error))]
      }
    },
  })
}

class RunningListener implements Listening {
  readonly source: string
  readonly #definition: SourceDefinition
  readonly #listener: Listener

  constructor(definition: SourceDefinition, listener: Listener) {
    this.source = definition.name
    this.#definition = definition
    this.#listener = listener
  }

  get counts(): ListenerCounts {
    return this.#listener.counts
  }

  stop(options: { readonly grace?: Duration | undefined } = {}): Promise<void> {
    checkKnown('stop', options, ['grace'])
    return endListener(this.#definition, this.#listener, options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  [Symbol.dispose](): void {
    this.#listener.abort()
    const { hub, name } = this.#definition
    hub
      .detach(this.#listener)
      .catch((error: unknown) => hub.log.error(`source '${name}' did not end well`, { source: name, error }))
  }
}

/** Nothing new; what waits is handled within the grace; then the source may end. */
export async function endListener(
  { hub }: SourceDefinition,
  listener: Listener,
  options: { readonly grace?: Duration | undefined },
): Promise<void> {
  using grace = new Grace(hub.clock)
  grace.shorten(options)
  listener.close()
  const detached = hub.detach(listener)
  await Promise.race([listener.idle(), grace.over])
  listener.abort()
  await detached
}
