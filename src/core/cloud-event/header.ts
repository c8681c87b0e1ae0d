/**
 * Values of CloudEvents attributes in HTTP headers (HTTP protocol binding 1.0.2, section 3.1.3.2): everything that is not
 * printable ASCII, and space, double quote and percent, is percent-encoded per byte of its UTF-8.
 */
import { PosthornError } from '../error.ts'

const PLAIN = /^[!#$&-~]*$/
const QUOTED = /^"(?:[^"\\]|\\.)*"$/s
const SENDABLE = /^[\t\x20-\x7e]*$/
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeHeader(value: string): string {
  if (PLAIN.test(value)) return value
  let text = ''
  for (const byte of encoder.encode(value)) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x25
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return text
}

/**
 * Takes needless escapes and lower-case ones, and a quoted string (RFC 9110, section 5.6.4).
 * @throws PosthornError `invalid-event`, naming the header
 */
export function decodeHeader(value: string, name: string): string {
  const text = QUOTED.test(value) ? value.slice(1, -1).replace(/\\(.)/gs, '$1') : value
  if (!SENDABLE.test(text))
    throw invalid(name, "characters outside ASCII must be percent-encoded as UTF-8, like 'Euro%20%E2%82%AC'")
  if (!text.includes('%')) return text
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    if (text[at] !== '%') {
      bytes.push(text.charCodeAt(at))
      continue
    }
    const hex = text.slice(at + 1, at + 3)
    if (!/^[0-9A-Fa-f]{2}$/.test(hex))
      throw invalid(name, "'%' must be followed by two hexadecimal digits; a percent sign itself is '%25'")
    bytes.push(Number.parseInt(hex, 16))
    at += 2
  }
  try {
    return decoder.decode(Uint8Array.from(bytes))
  } catch {
    throw invalid(name, 'the percent-encoded bytes are not UTF-8')
  }
}

function invalid(name: string, right: string): PosthornError {
  return new PosthornError('invalid-event', `header ${name}: ${right}`, { details: { field: name } })
}
