/**
 * Makes the events of a source durable: each is published to a topic, and only then is whoever sent it told that it was taken. A
 * `forward` is a declaration beside handlers; `post.work` runs it.
 */
import { topicDefinitionOf, type TopicDefinition } from '../task/index.ts'
import { checkName } from '../core/name.ts'
import { checkKnown, invalidOption, isPlain, show } from '../core/option.ts'
import { PosthornError } from '../core/error.ts'
import type { Topic } from '../topic/index.ts'
import { sourceDefinitionOf, type Source, type SourceDefinition } from './contract.ts'
import { checkLimit, DEFAULT_LIMIT, type ToldEvent } from './on.ts'
import { resolveTypes, type CheckedTypes, type Wanted } from './wanted.ts'

export interface Forward {
  readonly kind: 'forward'
  readonly source: string
  readonly topic: string
}

export interface ForwardOptions<Event, Types = string | readonly string[]> {
  /** Tells it from another of the same source and topic; keep it, since an event is known by it for 24 h. */
  readonly name?: string | undefined
  /** Which events, by pattern. Default: all. */
  readonly types?: Types | undefined
  /** How many events may wait to be published. Beyond it the source waits. Default 1,000. */
  readonly limit?: number | undefined
  /** Told of an event that can never be published, and is left out. Default: the log. Who waits for an answer is told himself. */
  readonly onError?: ((error: PosthornError, event: Event) => void) | undefined
}

/** Nothing to add where the topic takes all that would come; else a property that says what is wrong. */
type Fits<N extends string, E, M extends string, T, P extends string> = string extends keyof E
  ? string extends keyof T
    ? [E[keyof E]] extends [T[keyof T]]
      ? unknown
      : { [_ in `topic '${M}' takes other data than source '${N}' has: use mapped()`]: never }
    : { [_ in `source '${N}' does not say which events it has: give it events, or use mapped()`]: never }
  : [Exclude<Wanted<E, P>, keyof T>] extends [never]
    ? {
        [
          K in Wanted<E, P> & keyof T & keyof E & string as E[K] extends T[K]
            ? never
            : `topic '${M}' takes other data for '${K}' than source '${N}' has: use mapped()`
        ]: never
      }
    : {
        [
          K in Exclude<
            Wanted<E, P>,
            keyof T
          > as `topic '${M}' has no event type '${K}' of source '${N}': choose types, or use mapped()`
        ]: never
      }

/**
 * Publishes the events of a source to a topic: `export default [forward(fileChanges('inbox', './in'), files), …]`. Each is published
 * once within 24 h, by the source's name, the forward's, and the event's id. Where somebody waits for an answer (a webhook, `emit`), he gets it when the
 * commit is durable, or is refused; where nobody does, what fails for a while is tried again while the source waits.
 * @throws PosthornError `invalid-option`
 */
export function forward<N extends string, E, P, M extends string, T, const Y extends string = '**'>(
  source: Source<N, E, P>,
  // oxlint-disable-next-line typescript/no-explicit-any -- what handlers get of the topic does not matter here
  topic: Topic<M, T, any> & Fits<N, E, M, T, Y>,
  options?: ForwardOptions<ToldEvent<P, Wanted<E, Y>>, CheckedTypes<N, E, Y> | readonly CheckedTypes<N, E, Y>[]>,
): Forward {
  const from = sourceDefinitionOf(source, 'the first argument of forward()')
  const to = topicDefinitionOf(topic, 'the second argument of forward()')
  const field = `forward(${from.name}, ${to.name})`
  const given: unknown = options ?? {}
  if (!isPlain(given)) throw invalidOption(field, 'options', given, "an object like { types: 'order.*' }")
  checkKnown(field, given, ['name', 'types', 'limit', 'onError'])
  const { name = null, types, limit = DEFAULT_LIMIT, onError } = given as ForwardOptions<unknown>
  if (onError !== undefined && typeof onError !== 'function')
    throw invalidOption(field, 'onError', onError, 'a function of the error and the event')
  const definition: ForwardDefinition = {
    field,
    source: from,
    topic: to,
    name: name === null ? null : checkName(name, `${field}: name`),
    wants: resolveTypes(field, types),
    limit: checkLimit(field, limit),
    onError: onError ?? null,
  }
  const declared = { kind: 'forward' as const, source: from.name, topic: to.name }
  return Object.freeze(Object.defineProperty(declared, BRAND, { value: definition }))
}

export interface ForwardDefinition {
  readonly field: string
  readonly source: SourceDefinition
  readonly topic: TopicDefinition
  readonly name: string | null
  readonly wants: (type: string) => boolean
  readonly limit: number
  readonly onError: ((error: PosthornError, event: unknown) => void) | null
}

const BRAND = Symbol.for('posthorn.forward')

/** @throws PosthornError `invalid-module` where the value was not made by `forward` */
export function forwardDefinitionOf(value: unknown, field: string): ForwardDefinition {
  const found = typeof value === 'object' && value !== null ? (value as Record<symbol, unknown>)[BRAND] : undefined
  if (found === undefined)
    throw new PosthornError('invalid-module', `${field} is ${show(value)}: it must be made by forward(source, topic)`, {
      details: { field },
    })
  return found as ForwardDefinition
}
