/**
 * Routing's two questions about an event: does its type match a pattern, and does it pass the filters.
 * Filters are the six dialects of the CloudEvents Subscriptions API (0.1): exact, prefix, suffix, all, any, not.
 */
import { PosthornError } from './error.ts'
import type { EventAttributes } from './message.ts'

export type Filter =
  | { readonly exact: Readonly<Record<string, string>> }
  | { readonly prefix: Readonly<Record<string, string>> }
  | { readonly suffix: Readonly<Record<string, string>> }
  | { readonly all: readonly Filter[] }
  | { readonly any: readonly Filter[] }
  | { readonly not: Filter }

export type Predicate = (event: EventAttributes) => boolean

const PATTERN = /^(\*\*|\*|[A-Za-z0-9_-]+)(\.(\*\*|\*|[A-Za-z0-9_-]+))*$/
const DEEPEST = 8

/** Types a subscription wants: segments parted by '.', `*` for one segment, `**` for any number, none included. */
export function compileTypes(patterns: readonly string[], field = 'types'): (type: string) => boolean {
  for (const pattern of patterns) {
    if (typeof pattern !== 'string' || !PATTERN.test(pattern) || pattern.length > 255) {
      throw new PosthornError(
        'invalid',
        `${field} holds ${JSON.stringify(pattern)}: a pattern is segments of letters, digits, '_' and '-' parted by '.', with '*' for one segment and '**' for any number`,
        { details: { field, value: pattern } },
      )
    }
  }
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const wild = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('.'))
  if (patterns.length === 0 || patterns.includes('**')) return () => true
  return (type) => {
    if (exact.has(type)) return true
    const segments = wild.length === 0 ? [] : type.split('.')
    return wild.some((pattern) => matchesSegments(pattern, segments))
  }
}

/** @throws PosthornError `invalid`, naming the place in the filter */
export function compileFilters(filters: readonly Filter[], field = 'filters'): Predicate {
  const predicates = filters.map((filter, at) => compileFilter(filter, `${field}[${at}]`, 0))
  return (event) => predicates.every((predicate) => predicate(event))
}

function compileFilter(filter: Filter, field: string, depth: number): Predicate {
  if (depth > DEEPEST) throw invalidFilter(field, `filters nest at most ${DEEPEST} deep`)
  const entries = typeof filter === 'object' && filter !== null ? Object.entries(filter) : []
  if (entries.length !== 1)
    throw invalidFilter(field, 'a filter is an object with one dialect: exact, prefix, suffix, all, any or not')
  const [dialect, argument] = entries[0]! as [string, unknown]
  switch (dialect) {
    case 'exact':
      return compileAttributes(argument, `${field}.exact`, (value, wanted) => value === wanted)
    case 'prefix':
      return compileAttributes(argument, `${field}.prefix`, (value, wanted) => value.startsWith(wanted))
    case 'suffix':
      return compileAttributes(argument, `${field}.suffix`, (value, wanted) => value.endsWith(wanted))
    case 'all':
    case 'any': {
      if (!Array.isArray(argument) || argument.length === 0)
        throw invalidFilter(`${field}.${dialect}`, 'it must be a list of at least one filter')
      const inner = argument.map((each, at) => compileFilter(each as Filter, `${field}.${dialect}[${at}]`, depth + 1))
      return dialect === 'all'
        ? (event) => inner.every((predicate) => predicate(event))
        : (event) => inner.some((predicate) => predicate(event))
    }
    case 'not': {
      const inner = compileFilter(argument as Filter, `${field}.not`, depth + 1)
      return (event) => !inner(event)
    }
    default:
      throw invalidFilter(field, `'${dialect}' is no dialect: use exact, prefix, suffix, all, any or not`)
  }
}

function compileAttributes(
  argument: unknown,
  field: string,
  test: (value: string, wanted: string) => boolean,
): Predicate {
  const wanted =
    typeof argument === 'object' && argument !== null && !Array.isArray(argument) ? Object.entries(argument) : []
  if (wanted.length === 0 || wanted.some(([, value]) => typeof value !== 'string' || value === '')) {
    throw invalidFilter(field, 'it must map at least one attribute to a text that is not empty')
  }
  return (event) =>
    wanted.every(([name, text]) => {
      const value = event[name]
      return value !== undefined && test(String(value), text as string)
    })
}

/**
 * Segment by segment, going back to the last `**` only: time grows with the lengths multiplied, whatever the pattern. As a regular expression
 * a dozen `**` would keep one event's routing busy for hours.
 */
function matchesSegments(wanted: readonly string[], given: readonly string[]): boolean {
  let at = 0
  let want = 0
  let star = -1
  let resume = 0
  while (at < given.length) {
    if (wanted[want] === '**') {
      star = want++
      resume = at
    } else if (want < wanted.length && (wanted[want] === given[at] || (wanted[want] === '*' && given[at] !== ''))) {
      want++
      at++
    } else if (star !== -1 && given[resume] !== '') {
      want = star + 1
      at = ++resume
    } else return false
  }
  while (wanted[want] === '**') want++
  return want === wanted.length
}

function invalidFilter(field: string, right: string): PosthornError {
  return new PosthornError('invalid', `${field}: ${right}`, { details: { field } })
}
