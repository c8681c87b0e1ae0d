/** A source that the program itself tells: typed events from code, for listeners in the same process or forwarded to a topic. */
import { PosthornError } from '../core/error.ts'
import { checkKnown, invalidOption, isPlain } from '../core/option.ts'
import { describeIssues, isSchema, validate, type Schema, type SchemaInput, type SchemaOutput } from '../core/schema.ts'
import type { JsonInput } from '../task/index.ts'
import { brandSource, resolveSource, type Source, type SourceOptions } from './contract.ts'
import { Hub } from './listen/hub.ts'

export interface EmitOptions {
  /** Names the event: emitted again, a `forward` publishes it once within 24 h. Default: a new UUIDv7. */
  readonly id?: string | undefined
  /** What it is about, as CloudEvents' `subject`. */
  readonly subject?: string | undefined
}

export interface EmittingSource<Name extends string, Events, Parsed = Events> extends Source<Name, Events, Parsed> {
  /**
   * Tells an event. Resolves when it is durable wherever it is forwarded to, and has room in the queue of every listener: not to wait for it
   * is legal, to wait is how a producer keeps to the speed of its listeners. What handlers throw is theirs.
   * @throws PosthornError `unknown-event`, `invalid-input`, `full`; where it is forwarded, what publishing throws
   */
  emit<K extends keyof Events & string>(type: K, data: NoInfer<Events>[K], options?: EmitOptions): Promise<void>
}

/**
 * Declares a source that code tells: `const shop = source('shop', { 'order.created': Order })`, `await shop.emit('order.created', order)`.
 * @throws PosthornError `invalid-name`, `invalid-option`
 */
export function source<const N extends string, E extends { readonly [type: string]: Schema }>(
  name: N,
  events: { [K in keyof E]: E[K] & JsonInput<E[K]> },
  options: SourceOptions = {},
): EmittingSource<N, { [K in keyof E]: SchemaInput<E[K]> }, { [K in keyof E]: SchemaOutput<E[K]> }> {
  const { field, ...config } = resolveSource('source', name, options, [])
  const schemas = resolveEvents(field, events)
  const hub = new Hub(config, () => () => {})
  const emit = async (type: string, wire: unknown, given: EmitOptions = {}): Promise<void> => {
    checkKnown(`${field}: emit`, given, ['id', 'subject'])
    const { id, subject } = given
    for (const [option, text] of Object.entries({ id, subject }))
      if (text !== undefined && (typeof text !== 'string' || text === ''))
        throw invalidOption(`${field}: emit`, option, text, 'a text that is not empty')
    const data = await parseEvent(name, schemas, type, wire).catch((error: unknown) => {
      hub.refuse()
      throw error
    })
    const { admitted, taken } = hub.tell({ type, data, wire, id, subject })
    await (hub.isForwarded(type) ? taken : admitted)
  }
  const definition = { name, hub, isAcknowledged: true, mount: null }
  return Object.freeze(Object.assign(brandSource(name, definition), { emit }))
}

export type Schemas = ReadonlyMap<string, Schema>

/** @throws PosthornError `invalid-option` */
export function resolveEvents(field: string, events: unknown): Schemas {
  if (!isPlain(events) || Object.keys(events).length === 0)
    throw invalidOption(field, 'events', events, "an object of schemas by event type, like { 'order.created': Order }")
  for (const [type, schema] of Object.entries(events)) {
    if (!/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/.test(type) || type.length > 255)
      throw invalidOption(field, 'an event type', type, "letters, digits, '_' and '-', in segments parted by '.'")
    if (!isSchema(schema))
      throw invalidOption(field, type, schema, 'a Standard Schema, like z.object({ id: z.string() })')
  }
  return new Map(Object.entries(events)) as Schemas
}

/** @throws PosthornError `unknown-event`, `invalid-input` */
export async function parseEvent(source: string, schemas: Schemas, type: string, wire: unknown): Promise<unknown> {
  const schema = schemas.get(type)
  if (schema === undefined)
    throw new PosthornError(
      'unknown-event',
      `source '${source}' has no event type ${JSON.stringify(type)}: there is ${[...schemas.keys()].slice(0, 20).join(', ')}`,
      { details: { source, type } },
    )
  const parsed = await validate(schema, wire)
  if (parsed.ok) return parsed.value
  throw new PosthornError(
    'invalid-input',
    `the data of event '${type}' of source '${source}' do not match their schema: ${describeIssues(parsed.issues)}`,
    { details: { source, type, issues: parsed.issues } },
  )
}
