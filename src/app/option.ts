/** What is said of apps and keys, checked: each error names the option, the value and what would be right. */
import type { Clock } from '../core/clock.ts'
import { parseDuration, type Duration } from '../core/duration.ts'
import { PosthornError } from '../core/error.ts'
import { DEFAULT_PRIORITY, HIGHEST_PRIORITY } from '../core/message.ts'
import { checkKnown, invalidOption } from '../core/option.ts'
import type { AppOptions } from './control.ts'
import { DEFAULT_QUOTAS, resolveQuotas } from './quota.ts'
import type { StoredApp } from './record.ts'
import { compileScopes } from './scope.ts'

export const APP_OPTIONS = ['title', 'scopes', 'quotas', 'maxPriority', 'source', 'callbackOrigins'] as const

const LONGEST_TEXT = 200
const MOST_ORIGINS = 100
/** A URI reference, as far as it matters: no spaces, no controls. */
const SOURCE = /^[\x21-\x7e]{1,255}$/

type Settings = Pick<StoredApp, (typeof APP_OPTIONS)[number]>

export function defaultSettings(name: string): Settings {
  return {
    title: null,
    scopes: [],
    quotas: DEFAULT_QUOTAS,
    maxPriority: DEFAULT_PRIORITY,
    source: `/apps/${name}`,
    callbackOrigins: [],
  }
}

/** What is not given is as in `base`. @throws PosthornError `invalid-option` */
export function resolveSettings(given: AppOptions, base: Settings): Settings {
  checkKnown('app', given, APP_OPTIONS)
  const {
    scopes = base.scopes,
    maxPriority = base.maxPriority,
    source = base.source,
    callbackOrigins = base.callbackOrigins,
  } = given
  compileScopes(scopes)
  if (!Number.isInteger(maxPriority) || maxPriority < 0 || maxPriority > HIGHEST_PRIORITY)
    throw invalidOption('app', 'maxPriority', maxPriority, `a whole number from 0 to ${HIGHEST_PRIORITY}`)
  if (typeof source !== 'string' || !SOURCE.test(source))
    throw invalidOption('app', 'source', source, "a URI reference like '/apps/acme' or 'https://acme.example'")
  return {
    title: given.title === undefined ? base.title : given.title === null ? null : checkText('title', given.title),
    scopes: [...scopes],
    quotas: resolveQuotas(given.quotas, base.quotas),
    maxPriority,
    source,
    callbackOrigins: checkOrigins(callbackOrigins),
  }
}

export function checkText(option: string, text: unknown): string {
  if (typeof text !== 'string' || text === '' || text.length > LONGEST_TEXT)
    throw invalidOption('app', option, text, `a text of 1 to ${LONGEST_TEXT} characters`)
  return text
}

/** Wall time; null: never. @throws PosthornError `invalid-option`, `invalid-duration` */
export function toExpiresAt(clock: Clock, expires: Duration | Date | undefined): number | null {
  if (expires === undefined) return null
  const at = expires instanceof Date ? expires.getTime() : clock.wallMs() + parseDuration(expires, 'expires')
  if (!(at > clock.wallMs()))
    throw new PosthornError('invalid-option', 'expires is not in the future: a key with it would be void at once', {
      details: { field: 'expires' },
    })
  return at
}

function checkOrigins(origins: readonly string[]): readonly string[] {
  if (!Array.isArray(origins) || origins.length > MOST_ORIGINS)
    throw invalidOption('app', 'callbackOrigins', origins, `a list of at most ${MOST_ORIGINS} origins`)
  return origins.map((text: unknown) => {
    const url = typeof text === 'string' ? URL.parse(text) : null
    if (url === null || !['http:', 'https:'].includes(url.protocol) || `${url.origin}/` !== url.href)
      throw invalidOption('app', 'callbackOrigins', text, "origins like 'https://hooks.example.com'")
    return url.origin
  })
}
