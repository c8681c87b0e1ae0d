/** Checked reading of what clients send in JSON objects and queries: each error names the field, the value and what would be right. */
import { isRfc3339 } from '../../core/cloud-event/attribute.ts'
import { parseDurationText } from '../../core/duration.ts'
import { PosthornError } from '../../core/error.ts'

const LAST_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

export interface Bounds {
  readonly min: number
  readonly max: number
}

/** An object whose members are all known. */
export class Fields {
  readonly #members: Readonly<Record<string, unknown>>
  readonly #place: string

  /** @throws PosthornError `invalid` where the value is no object or has a member that is not known */
  constructor(value: unknown, known: readonly string[], place: string = '') {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalid(place || 'the body', value, 'a JSON object')
    this.#members = value as Record<string, unknown>
    this.#place = place
    for (const name of Object.keys(value)) {
      if (!known.includes(name))
        throw new PosthornError('invalid', `${this.name(name)} is not known: there is ${known.join(', ')}`, {
          details: { field: this.name(name) },
        })
    }
  }

  name(field: string): string {
    return this.#place === '' ? field : `${this.#place}.${field}`
  }

  has(field: string): boolean {
    return this.#members[field] !== undefined
  }

  raw(field: string): unknown {
    return Object.hasOwn(this.#members, field) ? this.#members[field] : undefined
  }

  whole<T>(field: string, bounds: Bounds, fallback: T): number | T {
    const value = this.raw(field)
    if (value === undefined) return fallback
    if (typeof value !== 'number' || !Number.isInteger(value) || value < bounds.min || value > bounds.max)
      throw invalid(this.name(field), value, `a whole number from ${bounds.min} to ${bounds.max}`)
    return value
  }

  number<T>(field: string, bounds: Bounds, fallback: T): number | T {
    const value = this.raw(field)
    if (value === undefined) return fallback
    if (typeof value !== 'number' || !(value >= bounds.min && value <= bounds.max))
      throw invalid(this.name(field), value, `a number from ${bounds.min} to ${bounds.max}`)
    return value
  }

  flag<T>(field: string, fallback: T): boolean | T {
    const value = this.raw(field)
    if (value === undefined) return fallback
    if (typeof value !== 'boolean') throw invalid(this.name(field), value, 'true or false')
    return value
  }

  text<T>(field: string, fallback: T, longest: number = 1024): string | T {
    const value = this.raw(field)
    if (value === undefined) return fallback
    if (typeof value !== 'string' || value === '' || value.length > longest)
      throw invalid(this.name(field), value, `a text of 1 to ${longest} characters`)
    return value
  }

  oneOf<const T extends string, F>(field: string, choices: readonly T[], fallback: F): T | F {
    const value = this.raw(field)
    if (value === undefined) return fallback
    if (!choices.includes(value as T))
      throw invalid(this.name(field), value, choices.map((choice) => `'${choice}'`).join(' or '))
    return value as T
  }

  list(field: string, longest: number): readonly unknown[] {
    const value = this.raw(field)
    if (!Array.isArray(value) || value.length > longest)
      throw invalid(this.name(field), value, `a list of at most ${longest}`)
    return value
  }

  /** Milliseconds of a text with a unit. */
  duration<T>(field: string, fallback: T): number | T {
    const value = this.raw(field)
    if (value === undefined) return fallback
    if (typeof value === 'number')
      throw new PosthornError(
        'duration-without-unit',
        `${this.name(field)} is ${value}, which has no unit: write '${value}s' or another unit, as a text`,
        { details: { field: this.name(field) } },
      )
    if (typeof value !== 'string') throw invalid(this.name(field), value, "a text like '30s', '5m' or '7d'")
    return parseDurationText(value, this.name(field))
  }
}

/** @throws PosthornError `invalid` */
export function parseWhole(text: string | null, field: string, bounds: Bounds, fallback: number): number {
  if (text === null) return fallback
  const value = Number(text)
  if (!/^\d{1,15}$/.test(text) || value < bounds.min || value > bounds.max)
    throw invalid(field, text, `a whole number from ${bounds.min} to ${bounds.max}`)
  return value
}

/** Milliseconds since the epoch. @throws PosthornError `invalid` */
export function parseTime(text: unknown, field: string): number {
  if (typeof text !== 'string' || !isRfc3339(text))
    throw invalid(field, text, "a time in RFC 3339, like '2026-01-31T12:00:00Z'")
  const ms = Date.parse(text)
  // With its offset it may be in the year 10000, which RFC 3339 cannot say.
  if (ms > LAST_MS) throw invalid(field, text, 'a time before the year 10000')
  return ms
}

export function invalid(field: string, value: unknown, right: string): PosthornError {
  const shown = value === undefined ? 'missing' : (JSON.stringify(value) ?? typeof value).slice(0, 200)
  return new PosthornError('invalid', `${field} is ${shown}: it must be ${right}`, { details: { field } })
}
