/**
 * How a message is to be delivered, as clients say it: in `Posthorn-*` headers, or as extensions of the event. Said both ways
 * and differently it is refused, since nobody can know which was meant.
 */
import { decodeHeader } from '../../core/cloud-event/header.ts'
import { parseDurationText } from '../../core/duration.ts'
import { PosthornError } from '../../core/error.ts'
import { HIGHEST_PRIORITY, type EventAttributes, type When } from '../../core/message.ts'
import { invalid, parseTime } from '../request/field.ts'

export interface DeliveryAttributes {
  readonly delay?: When
  readonly priority?: number
  readonly key?: string
  readonly group?: string
  readonly dedupe?: string
  readonly expires?: When
}

type Value = string | number | boolean | undefined
type Field = keyof DeliveryAttributes

interface Form {
  readonly header: string
  readonly extension: string
  readonly field: Field
  parse(value: Exclude<Value, undefined>, name: string): When | string | number
}

const FORMS: readonly Form[] = [
  { header: 'posthorn-delay', extension: 'delay', field: 'delay', parse: parseDelay },
  {
    header: 'posthorn-not-before',
    extension: 'notbefore',
    field: 'delay',
    parse: (value, name) => ({ at: parseTime(value, name) }),
  },
  { header: 'posthorn-priority', extension: 'priority', field: 'priority', parse: parsePriority },
  { header: 'posthorn-key', extension: 'partitionkey', field: 'key', parse: parseName },
  { header: 'posthorn-group', extension: 'group', field: 'group', parse: parseName },
  { header: 'posthorn-dedupe', extension: 'dedupe', field: 'dedupe', parse: parseName },
  { header: 'posthorn-expires', extension: 'expirytime', field: 'expires', parse: parseExpiry },
]

/** @throws PosthornError `invalid`, `invalid-duration`, `duration-without-unit`, `attribute-conflict` */
export function readHeaders(headers: Headers): DeliveryAttributes {
  return collect((form) => {
    const value = headers.get(form.header)
    return value === null ? undefined : decodeHeader(value, form.header)
  }, 'header')
}

/**
 * Takes the delivery's extensions out of an event.
 * @param place of the event, for messages: `event`, `events[3]`
 * @throws PosthornError `invalid`, `invalid-duration`, `duration-without-unit`, `attribute-conflict`
 */
export function takeExtensions(
  event: EventAttributes,
  place: string,
): { readonly event: EventAttributes; readonly delivery: DeliveryAttributes } {
  const delivery = collect((form) => event[form.extension], 'extension', `${place}.`)
  const rest = Object.entries(event).filter(([name]) => !FORMS.some(({ extension }) => extension === name))
  return { event: Object.fromEntries(rest) as unknown as EventAttributes, delivery }
}

/** @throws PosthornError `attribute-conflict` */
export function mergeDelivery(
  headers: DeliveryAttributes,
  extensions: DeliveryAttributes,
  place: string,
): DeliveryAttributes {
  for (const { field, header, extension } of FORMS) {
    const [fromHeader, fromExtension] = [headers[field], extensions[field]]
    if (
      fromHeader !== undefined &&
      fromExtension !== undefined &&
      JSON.stringify(fromHeader) !== JSON.stringify(fromExtension)
    ) {
      throw new PosthornError(
        'attribute-conflict',
        `${header} says ${JSON.stringify(fromHeader)} and ${place}.${extension} says ${JSON.stringify(fromExtension)}: say it once`,
        { details: { field: extension } },
      )
    }
  }
  return { ...extensions, ...headers }
}

function collect(read: (form: Form) => Value, kind: 'header' | 'extension', prefix = ''): DeliveryAttributes {
  const found: { -readonly [K in Field]?: When | string | number } = {}
  for (const form of FORMS) {
    const value = read(form)
    if (value === undefined) continue
    if (found[form.field] !== undefined)
      throw new PosthornError(
        'attribute-conflict',
        `${prefix}${form[kind]} and the other name of its meaning are both given: say it once`,
        { details: { field: form[kind] } },
      )
    found[form.field] = form.parse(value, prefix + form[kind])
  }
  return found as DeliveryAttributes
}

function parseDelay(value: Exclude<Value, undefined>, name: string): When {
  return { afterMs: parseDurationText(String(value), name) }
}

/** A duration, or a time. */
function parseExpiry(value: Exclude<Value, undefined>, name: string): When {
  const text = String(value)
  return /^\d{4}-/.test(text) ? { at: parseTime(text, name) } : { afterMs: parseDurationText(text, name) }
}

function parsePriority(value: Exclude<Value, undefined>, name: string): number {
  const priority = typeof value === 'string' && /^\d$/.test(value) ? Number(value) : value
  if (typeof priority !== 'number' || !Number.isInteger(priority) || priority < 0 || priority > HIGHEST_PRIORITY)
    throw invalid(name, value, `a whole number from 0 to ${HIGHEST_PRIORITY}`)
  return priority
}

function parseName(value: Exclude<Value, undefined>, name: string): string {
  if (typeof value !== 'string' || value === '' || value.length > 1024)
    throw invalid(name, value, 'a text of 1 to 1024 characters')
  return value
}
