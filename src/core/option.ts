/** Errors for wrong options: each names where, which option, the value and what would be right. */
import { PosthornError } from './error.ts'

export function invalidOption(field: string, option: string, value: unknown, right: string): PosthornError {
  return new PosthornError('invalid-option', `${field}: ${option} is ${show(value)}: it must be ${right}`, {
    details: { field: option, of: field, value: show(value) },
  })
}

/** @throws PosthornError `invalid-option`, for an option that there is not, with the nearest that there is */
export function checkKnown(field: string, given: object, known: readonly string[]): void {
  for (const option of Object.keys(given)) {
    if (known.includes(option)) continue
    const [near] = known
      .filter((each) => distance(each, option) <= 2)
      .sort((a, b) => distance(a, option) - distance(b, option))
    throw new PosthornError(
      'invalid-option',
      `${field}: '${option}' is no option${near === undefined ? '.' : `; did you mean '${near}'?`} There are: ${known.join(', ')}`,
      { details: { field: option, of: field } },
    )
  }
}

export function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value as an error shows it. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'number') return String(value)
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 100)
  } catch {
    return 'an object'
  }
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}
