/** Form bodies as bytes: what a platform signs is the decoded bytes, in whatever charset it wrote them. */
import { concat, toBytes } from './bytes.ts'
import { WebhookError } from './error.ts'

export interface Field {
  readonly name: string
  readonly value: Uint8Array<ArrayBuffer>
}

const latin1 = new TextDecoder('latin1')

export function readForm(body: Uint8Array): readonly Field[] {
  const fields: Field[] = []
  let from = 0
  for (let at = 0; at <= body.length; at += 1) {
    if (at < body.length && body[at] !== AMPERSAND) continue
    const field = body.subarray(from, at)
    from = at + 1
    if (field.length === 0) continue
    const equals = field.indexOf(EQUALS)
    const name = unescape(equals < 0 ? field : field.subarray(0, equals))
    fields.push({
      name: latin1.decode(name),
      value: unescape(equals < 0 ? field.subarray(0, 0) : field.subarray(equals + 1)),
    })
  }
  return fields
}

export function fieldOf(body: Uint8Array, name: string): string | null {
  const field = readForm(body).find((one) => one.name === name)
  return field ? latin1.decode(field.value) : null
}

/** All fields as text, in the charset that they name themselves. */
export function textFields(body: Uint8Array): Record<string, string> {
  const decoder = decoderFor(fieldOf(body, 'charset') ?? 'utf-8')
  return Object.fromEntries(readForm(body).map(({ name, value }) => [name, decoder.decode(value)]))
}

/** The form with one more field at its end. */
export function addField(body: Uint8Array, name: string, value: string): Uint8Array<ArrayBuffer> {
  return concat(body, toBytes(`${body.length > 0 ? '&' : ''}${name}=${encodeURIComponent(value)}`))
}

const AMPERSAND = 0x26
const EQUALS = 0x3d
const PLUS = 0x2b
const PERCENT = 0x25
const SPACE = 0x20

function unescape(text: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length)
  let size = 0
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0
    const code = byte === PERCENT ? hexAt(text, at + 1) : null
    if (code !== null) at += 2
    bytes[size] = code ?? (byte === PLUS ? SPACE : byte)
    size += 1
  }
  return bytes.slice(0, size)
}

function hexAt(text: Uint8Array, at: number): number | null {
  const pair = String.fromCharCode(text[at] ?? 0, text[at + 1] ?? 0)
  return /^[0-9a-f]{2}$/i.test(pair) ? Number.parseInt(pair, 16) : null
}

function decoderFor(charset: string): InstanceType<typeof TextDecoder> {
  try {
    return new TextDecoder(charset)
  } catch {
    throw new WebhookError(
      'invalid-body',
      `this form is written in a charset that is not known here: ${charset.slice(0, 40)}`,
    )
  }
}
