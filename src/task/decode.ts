/** From a message to the handler's input: read the body, lift an older version, parse. What fails here fails for ever. */
import { describeError, PosthornError } from '../core/error.ts'
import { fromJsonBytes } from '../core/json.ts'
import type { Message, StoredMessage } from '../core/message.ts'
import { describeIssues, validate, type SchemaResult } from '../core/schema.ts'
import { toPromise } from '../core/thenable.ts'
import type { Definition } from './definition.ts'

export type Decoded = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly fault: string }

/** `unknown` where this process cannot read the message: it is of another type, a newer version, or an older one that nothing lifts. */
export function recognises(
  { kind, eventType, version, upcast }: Definition,
  { message }: StoredMessage,
): 'yes' | 'unknown' {
  if (kind === 'task' && message.event.type !== eventType) return 'unknown'
  const of = versionOf(message)
  if (of === version) return 'yes'
  if (!(of < version)) return 'unknown'
  for (let each = of; each < version; each++) if (!upcast.has(each)) return 'unknown'
  return 'yes'
}

export function decode(definition: Definition, message: Message): Decoded | Promise<Decoded> {
  let value: unknown
  try {
    value = readBody(message)
  } catch (error) {
    return { ok: false, fault: `the body is not JSON: ${describeError(error).message}` }
  }
  return lift(definition, value, versionOf(message))
}

/** From an older version's form to this one's, step by step, and through the schema. */
function lift(definition: Definition, given: unknown, from: number): Decoded | Promise<Decoded> {
  let value = given
  for (let version = from; version < definition.version; version++) {
    const failed = (error: unknown): Decoded => ({
      ok: false,
      fault: `the upcast from version ${version} failed: ${describeError(error).message}`,
    })
    try {
      value = definition.upcast.get(version)!(value)
      const late = toPromise(value)
      if (late !== null) return late.then((lifted) => lift(definition, lifted, version + 1), failed)
    } catch (error) {
      return failed(error)
    }
  }
  if (definition.input === null) return { ok: true, value: undefined }
  const parsed = validate(definition.input, value)
  return parsed instanceof Promise ? parsed.then(toDecoded) : toDecoded(parsed)
}

function toDecoded(parsed: SchemaResult<unknown>): Decoded {
  return parsed.ok ? parsed : { ok: false, fault: describeIssues(parsed.issues) }
}

const versionOf = ({ notes }: Message): number => (notes?.['v'] === undefined ? 1 : Number(notes['v']))

const decoder = new TextDecoder('utf-8', { fatal: true })

/** JSON as its value, other text as a string, anything else as its bytes. */
function readBody({ body, event }: Message): unknown {
  const type = event.datacontenttype
  if (type === undefined || type === 'application/json' || /^[^;]*[/+]json\s*(;|$)/i.test(type))
    return fromJsonBytes(body)
  return /^text\//i.test(type) ? decoder.decode(body) : body
}

/**
 * The output of a task as its schema gives it, from its wire form.
 * @throws PosthornError `invalid-output` where it does not match (any more)
 */
export async function parseOutput({ kind, name, output }: Definition, wire: unknown): Promise<unknown> {
  if (output === null) return undefined
  const parsed = await validate(output, wire)
  if (parsed.ok) return parsed.value
  throw new PosthornError(
    'invalid-output',
    `the stored output of ${kind} '${name}' does not match its schema: ${describeIssues(parsed.issues)}`,
    { details: { [kind]: name, issues: parsed.issues } },
  )
}
