/**
 * Sources: where events come from before anybody has stored them (the system, the network, the program itself), with types for what
 * they tell. A source is passive: it begins with its first listener and ends with its last.
 */
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import { PosthornError } from '../core/error.ts'
import { createIds, type Ids } from '../core/id.ts'
import { checkName } from '../core/name.ts'
import { checkKnown, invalidOption, isPlain, show } from '../core/option.ts'
import { guardLog, type Log } from '../runtime/log.ts'
import { createStderrLog } from '../runtime/stderr-log.ts'
import type { Awaitable } from '../task/index.ts'
import type { Event } from '../topic/index.ts'
import type { Hub } from './listen/hub.ts'

declare const emits: unique symbol

/** `Events` are the wire forms of its events' data by type: what `forward` publishes. `Parsed` is what handlers get. */
// oxlint-disable-next-line typescript/no-explicit-any -- `Source` alone is any source
export interface Source<Name extends string = string, Events = any, Parsed = Events> {
  readonly kind: 'source'
  readonly name: Name
  readonly [emits]?: { events: Events; parsed: Parsed } | undefined
}

/** What every source may be given. */
export interface SourceOptions {
  /** What goes wrong beside any call. Default: warnings and errors on standard error. */
  readonly log?: Log | undefined
  readonly clock?: Clock | undefined
  readonly ids?: Ids | undefined
}

/** What is made of an event. */
export interface MappedEvent {
  readonly type: string
  readonly data: unknown
  /** Of the message, where it is forwarded: events that share it keep their order. */
  readonly key?: string | undefined
  readonly subject?: string | undefined
}

/** Answers requests for a source that others deliver to. */
export type Mount = (request: Request) => Promise<Response>

export interface SourceDefinition {
  readonly name: string
  readonly hub: Hub
  /** Of a source that makes others' events into its own. */
  readonly map?: ((event: Event) => Awaitable<MappedEvent | null>) | undefined
  /** Somebody waits to be told that the event is taken, and tells it again if it is not: nothing is retried in his place. */
  readonly isAcknowledged: boolean
  /** For sources that take requests. */
  readonly mount: Mount | null
}

export interface SourceConfig {
  readonly name: string
  readonly field: string
  readonly log: Log
  readonly clock: Clock
  readonly ids: Ids
}

const BRAND = Symbol.for('posthorn.source')
const SHARED = ['log', 'clock', 'ids']

/** Checks a source's name and options. @throws PosthornError `invalid-name`, `invalid-option` */
export function resolveSource(verb: string, name: unknown, options: unknown, known: readonly string[]): SourceConfig {
  const checked = checkName(name, `the name of the source, the first argument of ${verb}(),`)
  const field = `${verb}(${checked})`
  if (!isPlain(options)) throw invalidOption(field, 'options', options, 'an object')
  checkKnown(field, options, [...known, ...SHARED])
  const { log = createStderrLog(), clock = systemClock, ids = createIds(clock) } = options as SourceOptions
  return { name: checked, field, log: guardLog(log), clock, ids }
}

export function brandSource<N extends string>(
  name: N,
  definition: SourceDefinition,
): { readonly kind: 'source'; readonly name: N } {
  return Object.defineProperty({ kind: 'source' as const, name }, BRAND, { value: definition })
}

export const isSource = (value: unknown): boolean => typeof value === 'object' && value !== null && BRAND in value

/** @throws PosthornError `invalid-option` where the value is no source */
export function sourceDefinitionOf(source: unknown, field: string): SourceDefinition {
  if (isSource(source)) return (source as Record<symbol, unknown>)[BRAND] as SourceDefinition
  throw new PosthornError(
    'invalid-option',
    `${field} is ${isPlain(source) && typeof source['kind'] === 'string' ? `a ${source['kind']}` : show(source)}: it must be a source, as source(), fileChanges(), webhook() and their like make them`,
    { details: { field } },
  )
}
