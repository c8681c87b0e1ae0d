/**
 * Scopes: what a key may do, and with what. `KIND:PATTERN` or `KIND:PATTERN:VERB,VERB`, as in `task:image.*:start`; the pattern has segments
 * parted by '.', `*` for one of them and `**` for any number. Without verbs it is all of the kind. Compiled once per app and key.
 */
import { PosthornError } from '../core/error.ts'
import { compileTypes } from '../core/filter.ts'

/** What can be allowed, by kind. */
export const VERBS = {
  /** An app's own queues. send · lease: and settle · read: depths, settings, messages · manage: create, change, pause, redrive, purge, delete messages. */
  queue: ['send', 'lease', 'read', 'manage'],
  /** The platform's tasks. start · read: the app's operations of it · cancel: cancel and erase them. */
  task: ['start', 'read', 'cancel'],
  /** The platform's topics. publish · subscribe: and handle what comes · read: what the topic keeps. */
  topic: ['publish', 'subscribe', 'read'],
  /** The app's own endpoints. */
  endpoint: ['read', 'manage'],
} as const

export type ScopeKind = keyof typeof VERBS
export type ScopeVerb<K extends ScopeKind = ScopeKind> = (typeof VERBS)[K][number]

export interface Scopes {
  /** Whether it may do this with the thing of this name, as its holder says the name. */
  allows<K extends ScopeKind>(kind: K, verb: ScopeVerb<K>, name: string): boolean
  /** Whether it may do anything with it: what it may not is not there for its holder. */
  covers(kind: ScopeKind, name: string): boolean
}

const KINDS = Object.keys(VERBS) as readonly ScopeKind[]
const MOST = 100

export const EVERY_SCOPE: Scopes = { allows: () => true, covers: () => true }

/** @throws PosthornError `invalid-option` */
export function compileScopes(scopes: readonly string[], field = 'scopes'): Scopes {
  if (!Array.isArray(scopes) || scopes.length > MOST)
    throw invalidScope(field, scopes, `a list of at most ${MOST} scopes like 'task:image.*:start'`)
  const patterns = new Map<string, string[]>()
  for (const scope of scopes)
    for (const { kind, verb, pattern } of parseScope(scope, field)) {
      const key = `${kind}:${verb}`
      patterns.set(key, [...(patterns.get(key) ?? []), pattern])
    }
  const tests = new Map([...patterns].map(([key, of]) => [key, compileTypes(of, field)]))
  const allows = (kind: ScopeKind, verb: string, name: string): boolean => tests.get(`${kind}:${verb}`)?.(name) ?? false
  return { allows, covers: (kind, name) => VERBS[kind].some((verb) => allows(kind, verb, name)) }
}

/** What both allow. */
export function both(one: Scopes, other: Scopes): Scopes {
  return {
    allows: (kind, verb, name) => one.allows(kind, verb, name) && other.allows(kind, verb, name),
    covers: (kind, name) => VERBS[kind].some((verb) => one.allows(kind, verb, name) && other.allows(kind, verb, name)),
  }
}

function parseScope(
  scope: unknown,
  field: string,
): readonly { readonly kind: ScopeKind; readonly verb: string; readonly pattern: string }[] {
  const [kind, pattern, verbs, ...rest] = typeof scope === 'string' ? scope.split(':') : []
  if (!KINDS.includes(kind as ScopeKind) || pattern === undefined || rest.length > 0)
    throw invalidScope(field, scope, `KIND:PATTERN or KIND:PATTERN:VERBS, with ${KINDS.join(', ')} as the kind`)
  const known: readonly string[] = VERBS[kind as ScopeKind]
  const wanted = verbs === undefined ? known : verbs.split(',')
  for (const verb of wanted)
    if (!known.includes(verb))
      throw invalidScope(field, scope, `${kind}:${pattern}, alone or with verbs out of ${known.join(', ')}`)
  try {
    compileTypes([pattern], field)
  } catch {
    throw invalidScope(
      field,
      scope,
      `${kind}:PATTERN, with segments parted by '.', '*' for one of them and '**' for any number`,
    )
  }
  return wanted.map((verb) => ({ kind: kind as ScopeKind, verb, pattern }))
}

function invalidScope(field: string, value: unknown, right: string): PosthornError {
  return new PosthornError('invalid-option', `${field} holds ${JSON.stringify(value)}: it must be ${right}`, {
    details: { field, value },
  })
}
