/** Events in binary mode: attributes as `ce-` headers, the data as the body, its media type as Content-Type (HTTP binding 1.0.2, section 3.1). */
import { PosthornError } from '../error.ts'
import type { EventAttributes } from '../message.ts'
import { checkAttributes } from './attribute.ts'
import { decodeHeader, encodeHeader } from './header.ts'

const PREFIX = 'ce-'

/** Whether the headers carry an event's attributes at all. */
export function isBinaryEvent(headers: Iterable<readonly [string, string]>): boolean {
  for (const [name] of headers) if (name.toLowerCase().startsWith(PREFIX)) return true
  return false
}

/** @throws PosthornError `invalid-event`, naming the header */
export function fromBinary(headers: Iterable<readonly [string, string]>): EventAttributes {
  const given: [string, unknown][] = []
  for (const [header, value] of headers) {
    const name = header.toLowerCase()
    if (name === 'content-type') given.push(['datacontenttype', value])
    if (!name.startsWith(PREFIX)) continue
    const attribute = name.slice(PREFIX.length)
    if (attribute === 'datacontenttype')
      throw new PosthornError('invalid-event', 'header ce-datacontenttype: the Content-Type header says it', {
        details: { field: name },
      })
    given.push([attribute, decodeHeader(value, name)])
  }
  return checkAttributes(given, 'event')
}

export function toBinary(event: EventAttributes): Record<string, string> {
  const headers: Record<string, string> = { 'ce-specversion': '1.0' }
  for (const [name, value] of Object.entries(event)) {
    if (value === undefined) continue
    if (name === 'datacontenttype') headers['content-type'] = String(value)
    else headers[PREFIX + name] = encodeHeader(String(value))
  }
  return headers
}
