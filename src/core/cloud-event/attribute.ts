/** The rules for an event that comes from outside: names, values and what must be there (CloudEvents 1.0.2, section 3). */
import { PosthornError } from '../error.ts'
import type { EventAttributes } from '../message.ts'

const NAME = /^[a-z0-9]{1,40}$/
const RFC3339 =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/
const TEXTS = ['id', 'source', 'type', 'subject', 'time', 'datacontenttype', 'dataschema']

/**
 * The attributes as Posthorn keeps them: without `specversion`, which is always 1.0.
 * @param place what holds them, for messages: `event`, `events[3]`
 * @throws PosthornError `invalid-event`, naming the attribute
 */
export function checkAttributes(given: Iterable<readonly [string, unknown]>, place: string): EventAttributes {
  const attributes: Record<string, string | number | boolean> = {}
  for (const [name, value] of given) {
    // JSON has null for "not set" (JSON event format 1.0.2, section 2.2).
    if (value === null || value === undefined) continue
    if (!NAME.test(name) || name === 'data')
      throw invalid(`${place}.${name}`, 'names of attributes are 1 to 40 lower-case letters and digits')
    if (
      typeof value !== 'string' &&
      typeof value !== 'boolean' &&
      !(typeof value === 'number' && Number.isFinite(value))
    )
      throw invalid(`${place}.${name}`, 'values of attributes are texts, numbers or booleans')
    if (TEXTS.includes(name) && (typeof value !== 'string' || value === ''))
      throw invalid(`${place}.${name}`, 'it must be a text that is not empty')
    attributes[name] = value
  }
  const { specversion, ...rest } = attributes
  if (specversion !== '1.0')
    throw invalid(`${place}.specversion`, `it is ${JSON.stringify(specversion ?? null)} and must be "1.0"`)
  for (const name of ['id', 'source', 'type']) if (!(name in rest)) throw invalid(`${place}.${name}`, 'it is missing')
  if (typeof rest['time'] === 'string' && !isRfc3339(rest['time']))
    throw invalid(`${place}.time`, `'${rest['time']}' is no time in RFC 3339, like '2026-01-31T12:00:00Z'`)
  return rest as unknown as EventAttributes
}

export const isRfc3339 = (text: string): boolean => RFC3339.test(text) && !Number.isNaN(Date.parse(text))

function invalid(field: string, right: string): PosthornError {
  return new PosthornError('invalid-event', `${field}: ${right}`, { details: { field } })
}
