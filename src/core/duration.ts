/** Durations as people write them: a number of milliseconds in code, or a number with a unit. */
import { PosthornError } from './error.ts'

export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const TEXT = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/
const LONGEST_MS = 100 * 366 * UNIT_MS.d

/**
 * Milliseconds of a duration from code, where a bare number is milliseconds.
 * @throws PosthornError `invalid-duration`, naming `field`, the value and what would be right
 */
export function parseDuration(duration: Duration, field: string): number {
  if (typeof duration === 'string') return parseDurationText(duration, field)
  if (typeof duration !== 'number' || !Number.isFinite(duration) || duration < 0 || duration > LONGEST_MS) {
    throw invalid(field, duration, 'milliseconds from 0 to 100 years')
  }
  return duration
}

/**
 * Milliseconds of a duration from a header, a JSON string or a command line, where the unit is required.
 * @throws PosthornError `duration-without-unit` for a bare number, `invalid-duration` for anything else that is wrong
 */
export function parseDurationText(text: string, field: string): number {
  const match = TEXT.exec(text)
  if (match === null) {
    if (/^\d+(\.\d+)?$/.test(text)) {
      throw new PosthornError(
        'duration-without-unit',
        `${field} is '${text}', which has no unit: write '${text}ms', '${text}s', '${text}m', '${text}h' or '${text}d'`,
        { details: { field, value: text } },
      )
    }
    throw invalid(field, text, "a number with a unit, like '250ms', '30s', '5m', '2h' or '7d'")
  }
  const ms = Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS]
  if (ms > LONGEST_MS) throw invalid(field, text, 'at most 100 years')
  return ms
}

/** The shortest exact text of a duration: 90000 is '90s', 3600000 is '1h'. */
export function formatDuration(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`
  }
  return `${ms}ms`
}

function invalid(field: string, value: unknown, right: string): PosthornError {
  return new PosthornError(
    'invalid-duration',
    `${field} is ${typeof value === 'string' ? `'${value}'` : String(value)}: it must be ${right}`,
    { details: { field, value: String(value) } },
  )
}
