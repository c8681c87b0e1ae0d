/** `match`: which messages a browse, a redrive or a purge means. */
import { inSpace, type Principal } from '../../app/index.ts'
import type { BrowseQuery } from '../../core/engine.ts'
import { options, text, time, type JsonSchema } from '../openapi/json-schema.ts'
import { Fields, parseTime } from '../request/field.ts'
import type { Parameter } from '../route/route.ts'

/** As clients write it; times in RFC 3339. */
export interface MatchInput {
  readonly type?: string | undefined
  readonly error?: string | undefined
  readonly group?: string | undefined
  readonly key?: string | undefined
  readonly before?: string | undefined
  readonly since?: string | undefined
}

export const MATCH_FIELDS: readonly ['type', 'error', 'group', 'key', 'before', 'since'] = [
  'type',
  'error',
  'group',
  'key',
  'before',
  'since',
]

export const matchSchema: JsonSchema = {
  ...options({
    type: text(),
    error: text("A failure's code, or the reason of the end."),
    group: text(),
    key: text(),
    before: time,
    since: time,
  }),
  description: 'All must hold. before and since: the time of the send.',
}

export const MATCH_PARAMETERS: readonly Parameter[] = [
  { name: 'type', in: 'query', description: 'Only events of this type.', schema: text() },
  {
    name: 'error',
    in: 'query',
    description: "Only those with this failure's code, or this reason of the end.",
    schema: text(),
  },
  { name: 'group', in: 'query', description: 'Only those of this group.', schema: text() },
  { name: 'key', in: 'query', description: 'Only those with this key.', schema: text() },
  { name: 'before', in: 'query', description: 'Only those sent before this time.', schema: time },
  { name: 'since', in: 'query', description: 'Only those sent since this time.', schema: time },
]

/** An app's keys are in its space. */
export function matchIn<M extends { readonly key?: string | undefined }>(principal: Principal, match: M): M {
  return match.key === undefined ? match : { ...match, key: inSpace(principal, match.key) }
}

/** @throws PosthornError `invalid` */
export function toEngineMatch(value: unknown, place: string): NonNullable<BrowseQuery['match']> {
  const fields = new Fields(value, MATCH_FIELDS, place)
  const match: Record<string, string | number> = {}
  for (const name of ['type', 'error', 'group', 'key'] as const) {
    const wanted = fields.text(name, null)
    if (wanted !== null) match[name] = wanted
  }
  for (const name of ['before', 'since'] as const)
    if (fields.has(name)) match[name] = parseTime(fields.raw(name), fields.name(name))
  return match
}
