/** Headers of a platform's own that go with every call: their names and values, and those that are the call's or its profile's. */
import { invalidOption, isPlain } from '../../core/option.ts'
import { MASK, refuseMask } from '../secret/secret.ts'

const MOST_HEADERS = 20
const HEADER_NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/
const HEADER_TEXT = /^[\x20-\x7e]{1,2000}$/
/** What the exchange itself says. */
const CALL_HEADERS =
  /^(host|content-length|content-type|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|user-agent|proxy-.*|cookie)$/i
/** And what its profile says. */
const PROFILE_HEADERS = /^(webhook|ce)-/i

/** Whether a profile of a platform's own may name it. */
export const isFreeHeader = (name: unknown): name is string =>
  typeof name === 'string' && HEADER_NAME.test(name) && !CALL_HEADERS.test(name)

/** @throws PosthornError `invalid-option`, `masked-value` */
export function resolveHeaders(
  field: string,
  given: unknown,
  before: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (given === undefined) return before
  if (given === null) return {}
  if (!isPlain(given)) throw invalidOption(field, 'headers', typeof given, "an object like { 'x-tenant': 'a' }")
  const headers: Record<string, string> = { ...before }
  for (const [name, value] of Object.entries(given)) {
    const key = name.toLowerCase()
    if (!HEADER_NAME.test(name) || CALL_HEADERS.test(name) || PROFILE_HEADERS.test(name))
      throw invalidOption(field, 'headers', name, 'names of headers that the call does not set itself')
    if (value === null) {
      delete headers[key]
      continue
    }
    refuseMask(`headers.${name}`, value)
    if (typeof value !== 'string' || !HEADER_TEXT.test(value))
      throw invalidOption(
        field,
        `headers.${name}`,
        typeof value === 'string' ? MASK : value,
        'printable ASCII, at most 2,000 characters',
      )
    headers[key] = value
  }
  if (Object.keys(headers).length > MOST_HEADERS)
    throw invalidOption(field, 'headers', Object.keys(headers).length, `at most ${MOST_HEADERS} of them`)
  return headers
}
