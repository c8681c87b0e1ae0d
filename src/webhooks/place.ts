/** Where something stands in a request: a header, one entry of a header, the query, a field of a form, a member of a JSON body. */
import { WebhookError } from './error.ts'
import { addField, fieldOf } from './form.ts'
import type { Arrived } from './request.ts'

export type Place =
  | { readonly header: string }
  /** A header made of entries, of which this is the one that begins with `entry`: `t=` in `t=1,v1=ab`. */
  | { readonly header: string; readonly entry: string; readonly separator: string }
  | { readonly query: string }
  | { readonly form: string }
  | { readonly json: readonly string[] }

/** The text that stands there; null where there is none. */
export function readPlace(place: Place, { headers, body, query, json }: Arrived): string | null {
  if ('query' in place) return query.get(place.query)
  if ('form' in place) return fieldOf(body, place.form)
  if ('json' in place) return memberOf(json(), place.json)
  const text = headers.get(place.header)
  if (!('entry' in place) || text === null) return text
  const found = text.split(place.separator).find((entry) => entry.trimStart().startsWith(place.entry))
  return found?.trim().slice(place.entry.length) ?? null
}

/** The first that stands somewhere. */
export function readFirst(places: readonly Place[], arrived: Arrived): string | null {
  for (const place of places) {
    const text = readPlace(place, arrived)
    if (text !== null && text !== '') return text
  }
  return null
}

export function describePlace(place: Place): string {
  if ('query' in place) return `the query parameter ${place.query}`
  if ('form' in place) return `the form field ${place.form}`
  if ('json' in place) return `the member ${place.json.join('.')} of the body`
  return 'entry' in place ? `the entry ${place.entry} of the header ${place.header}` : `the header ${place.header}`
}

/** What is sent: grows while it is signed. */
export interface Outgoing {
  readonly headers: Record<string, string>
  readonly query: Record<string, string>
  body: Uint8Array<ArrayBuffer>
}

/** Members of the body are the sender's own to write. */
export function writePlace(place: Place, text: string, outgoing: Outgoing): void {
  if ('query' in place) outgoing.query[place.query] = text
  else if ('form' in place) {
    if (fieldOf(outgoing.body, place.form) !== null)
      throw new WebhookError('invalid-part', `the body has ${describePlace(place)} already`)
    outgoing.body = addField(outgoing.body, place.form, text)
  } else if ('entry' in place) {
    const before = outgoing.headers[place.header]
    outgoing.headers[place.header] = `${before === undefined ? '' : before + place.separator}${place.entry}${text}`
  } else if ('header' in place) outgoing.headers[place.header] = text
}

function memberOf(root: unknown, path: readonly string[]): string | null {
  let value = root
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return null
    value = (value as Record<string, unknown>)[name]
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}
