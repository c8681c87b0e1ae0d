/** A source whose events are made of another's: thin ones of full ones, other types, or none at all. */
import { PosthornError } from '../core/error.ts'
import { invalidOption, isPlain } from '../core/option.ts'
import type { Awaitable } from '../task/index.ts'
import type { Event } from '../topic/index.ts'
import { brandSource, sourceDefinitionOf, type MappedEvent, type Source, type SourceDefinition } from './contract.ts'
import type { SourceEvent } from './listen/told.ts'
import type { ToldEvent } from './on.ts'
import type { Wanted } from './wanted.ts'

/** The events by type of a union of them. */
export type EventsOf<Made extends MappedEvent | null> = {
  [Each in NonNullable<Made> as Each['type']]: Each['data']
}

/**
 * `mapped(shop, ({ data }) => ({ type: 'order.touched', data: { id: data.id } }))`: listened to and forwarded as any source; null leaves an
 * event out. Id, time and, unless it says another, subject are those of the event that it is made of.
 * @throws PosthornError `invalid-option`
 */
export function mapped<N extends string, E, P, const R extends MappedEvent | null>(
  source: Source<N, E, P>,
  map: (event: ToldEvent<P, Wanted<E, '**'>>) => Awaitable<R>,
): Source<N, EventsOf<R>> {
  const definition = sourceDefinitionOf(source, 'the first argument of mapped()')
  const { name, map: before } = definition
  if (typeof map !== 'function')
    throw invalidOption(`mapped(${name})`, 'map', map, 'a function from an event to { type, data }, or null')
  const made = map as unknown as (event: Event) => Awaitable<MappedEvent | null>
  const both = async (event: Event): Promise<MappedEvent | null> => {
    const first = await before!(event)
    return first === null ? null : made({ ...event, ...first } as Event)
  }
  return brandSource(name as N, { ...definition, map: before === undefined ? made : both })
}

/** What listeners of the source are given for what it tells. @throws PosthornError `invalid-input`, and what the map throws */
export async function applyMap({ name, map }: SourceDefinition, told: SourceEvent): Promise<SourceEvent | null> {
  if (map === undefined) return told
  const made: unknown = await map(toEvent(name, told))
  if (made === null) return null
  if (!isPlain(made) || typeof made['type'] !== 'string' || Object.keys(made).some((each) => !KNOWN.includes(each)))
    throw new PosthornError(
      'invalid-input',
      `the map of source '${name}' must give { ${KNOWN.join(', ')} } with a type and data, or null`,
      { details: { source: name } },
    )
  const { type, data, key, subject = told.subject } = made as unknown as MappedEvent
  return { ...told, type, data, wire: data, key, subject }
}

const KNOWN = ['type', 'data', 'key', 'subject']

export function toEvent(source: string, { id, type, time, subject, key, data }: SourceEvent): Event {
  return {
    id,
    source,
    type,
    time,
    ...(subject === undefined ? {} : { subject }),
    ...(key === undefined ? {} : { key }),
    data,
  }
}
