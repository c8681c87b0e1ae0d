/** Who asks: the platform itself, or an app with one of its keys. */
import { both, compileScopes, EVERY_SCOPE, type Scopes } from './scope.ts'
import type { Quotas } from './quota.ts'
import type { StoredApp, StoredKey } from './record.ts'

export interface PlatformPrincipal {
  readonly kind: 'platform'
  /** Tells principals apart: in tokens, and in what an Idempotency-Key holds for. */
  readonly id: 'platform'
  readonly app: null
  readonly scopes: Scopes
}

export interface AppPrincipal {
  readonly kind: 'app'
  /** That of all keys of the app, so that one can go on where another was; an app that had the name before had another. */
  readonly id: `app:${string}`
  readonly app: string
  readonly incarnation: string
  /** Of the app and of the key. */
  readonly scopes: Scopes
  readonly keyId: string
  readonly quotas: Quotas
  readonly maxPriority: number
  readonly source: string
  readonly callbackOrigins: readonly string[]
}

export type Principal = PlatformPrincipal | AppPrincipal

export const PLATFORM: PlatformPrincipal = { kind: 'platform', id: 'platform', app: null, scopes: EVERY_SCOPE }

export function toPrincipal(app: StoredApp, key: StoredKey): AppPrincipal {
  const { name, incarnation, scopes, quotas, maxPriority, source, callbackOrigins } = app
  const own = compileScopes(scopes)
  return {
    kind: 'app',
    id: `app:${name}:${incarnation}`,
    app: name,
    incarnation,
    scopes: key.scopes === null ? own : both(own, compileScopes(key.scopes)),
    keyId: key.id,
    quotas,
    maxPriority,
    source,
    callbackOrigins,
  }
}
