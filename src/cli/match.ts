/** `--match field=value`, repeated: what `redrive` and `dead` select. */
import { parseDurationText } from '../core/duration.ts'
import { isPosthornError } from '../core/error.ts'
import { CommandError } from './exit.ts'

export const MATCH_FIELDS = ['type', 'error', 'group', 'key', 'before', 'since'] as const

export type MatchField = (typeof MATCH_FIELDS)[number]
export type MatchView = Readonly<Partial<Record<MatchField, string>>>

/**
 * `before` and `since` are times (RFC 3339), or durations before now.
 * @throws CommandError `usage`
 */
export function parseMatch(texts: readonly string[], nowMs: number): MatchView {
  const match: Partial<Record<MatchField, string>> = {}
  for (const text of texts) {
    const at = text.indexOf('=')
    const field = text.slice(0, at) as MatchField
    if (at < 1 || !MATCH_FIELDS.includes(field)) {
      throw new CommandError(
        'usage',
        'invalid-option',
        `--match is '${text}': it must be FIELD=VALUE with a field of ${MATCH_FIELDS.join(', ')}`,
        ['Like --match error=timed-out --match since=2h'],
      )
    }
    const value = text.slice(at + 1)
    match[field] = field === 'before' || field === 'since' ? parseTime(value, `--match ${field}=`, nowMs) : value
  }
  return match
}

export const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value]

/** A time, or a duration before now. @throws CommandError `usage` */
export function parseTime(text: string, option: string, nowMs: number): string {
  try {
    return new Date(nowMs - parseDurationText(text, option)).toISOString()
  } catch (error) {
    if (isPosthornError(error) && error.code === 'duration-without-unit') throw error
    const time = Date.parse(text)
    if (!Number.isNaN(time)) return new Date(time).toISOString()
    throw new CommandError(
      'usage',
      'invalid-option',
      `${option} is '${text}': it must be a time (2026-01-31T09:00:00Z) or a duration before now (2h)`,
    )
  }
}
