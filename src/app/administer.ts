/** Administration of apps on an engine: each act is one commit of the app's record and its entry in the audit log. */
import type { KeyObject } from 'node:crypto'
import { holdEndpointsOf } from '../callback/index.ts'
import { parseDuration } from '../core/duration.ts'
import type { Change, Engine, Page, Version } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { secretBytes } from '../core/id.ts'
import { checkAppName } from '../core/name.ts'
import { checkKnown, invalidOption } from '../core/option.ts'
import { auditChanges, type Act, type AuditDeps } from './audit.ts'
import type {
  ActOptions,
  AppControl,
  AppOptions,
  AppView,
  DeleteAppOptions,
  KeyOptions,
  KeyView,
  NewKey,
  RotateOptions,
} from './control.ts'
import { makeKey } from './key.ts'
import { movedLimits } from './limit.ts'
import { APP_OPTIONS, checkText, defaultSettings, resolveSettings, toExpiresAt } from './option.ts'
import {
  appRecordKey,
  APPS,
  fromRecord,
  keyAlias,
  readApp,
  toRecordValue,
  type StoredApp,
  type StoredKey,
  type VersionedApp,
} from './record.ts'
import { remainsOf, removeAll } from './remove.ts'
import { compileScopes } from './scope.ts'
import { keyFor, loadSecret } from './secret.ts'

export interface AppDeps extends AuditDeps {
  readonly engine: Engine
}

/** Keys beyond this many have to expire or be revoked first; engines find a record by so many. */
const MOST_KEYS = 15
const OVERLAP_MS = 24 * 3_600_000
/** What has expired is shown for so long. */
const SHOWN_EXPIRED_MS = 7 * 86_400_000
const PAGE = 50
const LONGEST_PAGE = 500
const TRIES = 10
const INCARNATION_BYTES = 4
const BY = 'platform'

/** What an act makes of the app, and what is written of it. */
interface Done {
  readonly app: StoredApp
  readonly facts?: Readonly<Record<string, unknown>> | undefined
  /** For the same commit. */
  readonly more?: readonly Change[] | undefined
}

export function createAppControl(deps: AppDeps): AppControl {
  return new Control(deps)
}

class Control implements AppControl {
  readonly #deps: AppDeps
  #signing: KeyObject | null = null

  constructor(deps: AppDeps) {
    this.#deps = deps
  }

  async create(name: string, options: AppOptions & ActOptions = {}): Promise<AppView> {
    checkAppName(name, 'the name of the app')
    const { by, ...given } = options
    const settings = resolveSettings(given, defaultSettings(name))
    const incarnation = Buffer.from(secretBytes(INCARNATION_BYTES)).toString('hex')
    const app: StoredApp = {
      name,
      incarnation,
      ...settings,
      paused: false,
      createdAt: this.#deps.clock.wallMs(),
      keys: [],
    }
    const version = await this.#write(app, null, {
      act: 'app.created',
      app: name,
      by: byOf(by),
      facts: { ...given },
    })
    if (version === null)
      throw new PosthornError('app-exists', `there is an app '${name}' already`, { details: { app: name } })
    return toView({ app, version })
  }

  async get(name: string): Promise<AppView | null> {
    const found = await readApp(this.#deps.engine, checkAppName(name, 'the name of the app'))
    return found === null ? null : toView(found)
  }

  async list(options: Parameters<AppControl['list']>[0] = {}): Promise<Page<AppView>> {
    checkKnown('list', options, ['after', 'limit'])
    const { after = null, limit = PAGE } = options
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw invalidOption('list', 'limit', limit, `a whole number from 1 to ${LONGEST_PAGE}`)
    const { engine } = this.#deps
    const { items, next } = await engine.list({ prefix: APPS, after, limit: Math.min(limit, LONGEST_PAGE) })
    return { items: items.map((record) => toView(fromRecord(record))), next }
  }

  async update(
    name: string,
    change: AppOptions,
    { by, ifVersion }: ActOptions & { readonly ifVersion?: Version | undefined } = {},
  ): Promise<AppView> {
    checkKnown('app', change, APP_OPTIONS)
    return toView(
      await this.#change(
        name,
        'app.changed',
        by,
        async (app) => {
          const settings = resolveSettings(change, app)
          const more = await movedLimits(this.#deps.engine, name, app.quotas.bytes, settings.quotas.bytes)
          return { app: { ...app, ...settings }, facts: { ...change }, more }
        },
        ifVersion,
      ),
    )
  }

  async pause(name: string, { by }: ActOptions = {}): Promise<AppView> {
    return toView(await this.#hold(name, 'app.paused', by, true))
  }

  async resume(name: string, { by }: ActOptions = {}): Promise<AppView> {
    return toView(await this.#hold(name, 'app.resumed', by, false))
  }

  async delete(name: string, options: DeleteAppOptions = {}): Promise<void> {
    checkKnown('delete', options, ['force', 'by'])
    const { by, force = false } = options
    const { app, version } = await this.#find(name)
    const remains = force || app.deleting === true ? null : await remainsOf(this.#deps, name)
    if (remains !== null)
      throw new PosthornError(
        'app-not-empty',
        `app '${name}' still has ${remains}: remove them, or discard them with force`,
        {
          details: { app: name },
        },
      )
    // Its keys are void from here on. Where this is interrupted, it goes on with the next call.
    const closed = { ...app, deleting: true, keys: [] }
    if (app.deleting !== true && (await this.#write(closed, version, null)) === null)
      throw new PosthornError('conflict', `app '${name}' was changed by somebody else meanwhile`, {
        details: { app: name },
      })
    await removeAll(this.#deps, name)
    await this.#remove(name, byOf(by))
  }

  async addKey(name: string, options: KeyOptions & ActOptions = {}): Promise<NewKey> {
    checkKnown('addKey', options, ['note', 'scopes', 'expires', 'by'])
    const { note, scopes, expires, by } = options
    if (scopes !== undefined) compileScopes(scopes)
    const given = {
      note: note === undefined ? null : checkText('note', note),
      scopes: scopes ?? null,
      expiresAt: toExpiresAt(this.#deps.clock, expires),
    }
    const { stored, key } = await this.#makeKey(given)
    await this.#change(name, 'app.key.added', by, (app) => ({
      app: { ...app, keys: this.#withKey(app, stored) },
      facts: { key: stored.id, ...shown(given) },
    }))
    return { ...toKeyView(stored), key }
  }

  async rotateKey(name: string, id: string, options: RotateOptions & ActOptions = {}): Promise<NewKey> {
    checkKnown('rotateKey', options, ['overlap', 'expires', 'by'])
    const { overlap = OVERLAP_MS, expires, by } = options
    const { clock } = this.#deps
    const endsAt = clock.wallMs() + parseDuration(overlap, 'overlap')
    const expiresAt = toExpiresAt(clock, expires)
    const old = findKey((await this.#find(name)).app, id)
    const { stored, key } = await this.#makeKey({ note: old.note, scopes: old.scopes, expiresAt })
    await this.#change(name, 'app.key.rotated', by, (app) => {
      const current = findKey(app, id)
      const until = Math.min(endsAt, current.expiresAt ?? Infinity)
      const keys = app.keys.map((each) => (each === current ? { ...each, expiresAt: until } : each))
      return {
        app: { ...app, keys: this.#withKey({ ...app, keys }, stored) },
        facts: { key: stored.id, replaces: id, replacedUntil: new Date(until).toISOString() },
      }
    })
    return { ...toKeyView(stored), key }
  }

  async revokeKey(name: string, id: string, { by }: ActOptions = {}): Promise<void> {
    await this.#change(name, 'app.key.revoked', by, (app) => {
      const revoked = findKey(app, id)
      return { app: { ...app, keys: app.keys.filter((each) => each !== revoked) }, facts: { key: id } }
    })
  }

  /** Its keys are refused, and its endpoints are not called. */
  #hold(name: string, act: Act['act'], by: string | undefined, paused: boolean): Promise<VersionedApp> {
    const more = holdEndpointsOf(name, paused, this.#deps.clock)
    return this.#change(name, act, by, (app) => ({ app: { ...app, paused }, more }))
  }

  /** Reads, changes and writes; where somebody else wrote in between, again. */
  async #change(
    name: string,
    act: Act['act'],
    by: string | undefined,
    change: (app: StoredApp) => Done | Promise<Done>,
    ifVersion?: Version,
  ): Promise<VersionedApp> {
    for (let tries = 1; ; tries++) {
      const found = await this.#find(name)
      if (found.app.deleting === true)
        throw new PosthornError('conflict', `app '${name}' is being deleted`, { details: { app: name } })
      if (ifVersion !== undefined && ifVersion !== found.version)
        throw new PosthornError('conflict', `app '${name}' is at another version`, { details: { app: name } })
      const { app, facts = {}, more } = await change(found.app)
      const entry = { act, app: name, by: byOf(by), facts }
      const version = await this.#write(app, found.version, entry, more)
      if (version !== null) return { app, version }
      if (tries === TRIES) throw new PosthornError('conflict', `app '${name}' is being changed by others all the time`)
    }
  }

  /** The version written; null where another was there than was expected. */
  async #write(
    app: StoredApp,
    ifVersion: Version | null,
    entry: Act | null,
    more: readonly Change[] = [],
  ): Promise<Version | null> {
    const audit = entry === null ? [] : await auditChanges(this.#deps, entry)
    const put: Change = {
      do: 'put',
      key: appRecordKey(app.name),
      value: toRecordValue(app),
      ifVersion,
      aliases: app.keys.map(({ digest }) => keyAlias(digest)),
    }
    const [result] = await this.#deps.engine.commit([{ changes: [put, ...audit, ...more] }])
    if (result?.status === 'refused' && result.code === 'conflict') return null
    if (result?.status !== 'committed')
      throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
    return (result.results[0] as { readonly version: Version }).version
  }

  async #remove(name: string, by: string): Promise<void> {
    const audit = await auditChanges(this.#deps, { act: 'app.deleted', app: name, by, facts: {} })
    const [result] = await this.#deps.engine.commit([
      {
        changes: [
          { do: 'remove', key: appRecordKey(name) },
          ...holdEndpointsOf(name, false, this.#deps.clock),
          ...audit,
        ],
      },
    ])
    if (result?.status !== 'committed')
      throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
  }

  async #find(name: string): Promise<VersionedApp> {
    const found = await readApp(this.#deps.engine, checkAppName(name, 'the name of the app'))
    if (found === null)
      throw new PosthornError('app-not-found', `there is no app '${name}'`, { details: { app: name } })
    return found
  }

  async #makeKey(given: Pick<StoredKey, 'note' | 'scopes' | 'expiresAt'>): Promise<{ stored: StoredKey; key: string }> {
    this.#signing ??= keyFor(await loadSecret(this.#deps.engine), 'app keys')
    const { id, key, digest } = makeKey(this.#signing)
    return { stored: { id, digest, ...given, createdAt: this.#deps.clock.wallMs() }, key }
  }

  #withKey({ name, keys }: StoredApp, key: StoredKey): readonly StoredKey[] {
    const nowMs = this.#deps.clock.wallMs()
    const kept = keys.filter(({ expiresAt }) => expiresAt === null || expiresAt > nowMs - SHOWN_EXPIRED_MS)
    const isFull = kept.length >= MOST_KEYS
    const room = isFull ? kept.filter(({ expiresAt }) => expiresAt === null || expiresAt > nowMs) : kept
    if (room.length >= MOST_KEYS)
      throw new PosthornError(
        'full',
        `app '${name}' has ${room.length} keys: it can have at most ${MOST_KEYS}. Revoke one first`,
        {
          details: { app: name, limit: MOST_KEYS },
        },
      )
    return [...room, key]
  }
}

function findKey({ name, keys }: StoredApp, id: string): StoredKey {
  const key = keys.find((each) => each.id === id)
  if (key === undefined)
    throw new PosthornError('key-not-found', `app '${name}' has no key '${id.slice(0, 100)}'`, {
      details: { app: name, key: id },
    })
  return key
}

const byOf = (by: string | undefined): string => (by === undefined ? BY : checkText('by', by))

function toView({ app, version }: VersionedApp): AppView {
  const { name, title, scopes, quotas, maxPriority, source, callbackOrigins, paused, deleting = false } = app
  return {
    name,
    title,
    scopes,
    quotas,
    maxPriority,
    source,
    callbackOrigins,
    paused,
    deleting,
    createdAt: new Date(app.createdAt),
    keys: app.keys.map(toKeyView),
    version,
  }
}

function toKeyView({ id, note, scopes, createdAt, expiresAt }: StoredKey): KeyView {
  return {
    id,
    note,
    scopes,
    createdAt: new Date(createdAt),
    expiresAt: expiresAt === null ? null : new Date(expiresAt),
  }
}

function shown({ note, scopes, expiresAt }: Pick<StoredKey, 'note' | 'scopes' | 'expiresAt'>): Record<string, unknown> {
  return { note, scopes, expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString() }
}
