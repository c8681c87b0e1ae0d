/** Administration of endpoints on an engine: the calls of `EndpointControl` as reads and commits. */
import { parseDuration, type Duration } from '../core/duration.ts'
import type { QueueDepth } from '../core/engine.ts'
import { isPosthornError, PosthornError } from '../core/error.ts'
import { DEFAULT_PRIORITY } from '../core/message.ts'
import { checkAppName, checkName, endpointQueue, partsOfAppName, spaceOf } from '../core/name.ts'
import { checkKnown, invalidOption } from '../core/option.ts'
import type {
  ChangeEndpointOptions,
  CreateEndpointOptions,
  EndpointControl,
  EndpointView,
  SecretView,
} from './control.ts'
import { redeliver } from './deliver/redeliver.ts'
import { startDelivering, type DeliveringDeps } from './delivering.ts'
import { readAttempts } from './endpoint/attempt.ts'
import { resolveHeaders } from './endpoint/call-header.ts'
import { notesFor, queuesOf, isActive, type StoredEndpoint, type Verified } from './endpoint/endpoint.ts'
import { isHeld } from './endpoint/hold.ts'
import type { EndpointOptions } from './endpoint/option.ts'
import { resolveEndpoint } from './endpoint/settings.ts'
import { EndpointStore, type Found, type StoreDeps } from './endpoint/store.ts'
import { takeGrant } from './probe/grant.ts'
import { sampleCall } from './probe/probe.ts'
import { profileOf, PROFILES, signsStandard } from './profile/profile.ts'
import { publicKeys, rotateKey } from './secret/key.ts'
import { checkSecret, makeSecret, MASK, maskSecret, MOST_SECRETS, type Vault } from './secret/secret.ts'

const LONGEST_ID = 80
const PAGE = 50
const LONGEST_PAGE = 500
const OVERLAP_MS = 86_400_000

export type EndpointControlDeps = DeliveringDeps & StoreDeps

export function createEndpointControl(deps: EndpointControlDeps): EndpointControl {
  return new Control(deps)
}

class Control implements EndpointControl {
  readonly #deps: EndpointControlDeps
  readonly #store: EndpointStore

  constructor(deps: EndpointControlDeps) {
    this.#deps = deps
    this.#store = new EndpointStore(deps)
  }

  async create({ id: given, app, ...options }: CreateEndpointOptions): ReturnType<EndpointControl['create']> {
    const bare = given === undefined ? this.#deps.ids.uuid() : checkId(given)
    if (app !== undefined) checkAppName(app, 'endpoint: app')
    const id = app === undefined ? bare : spaceOf(app) + bare
    const field = `endpoint '${bare}'`
    const { secret: chosen, headers: _, ...rest } = options
    const settings = { ...resolveEndpoint(field, rest, null), app: app ?? null }
    const profile = profileOf(settings.profile)
    const secret = chosen === undefined ? makeSecret(profile) : checkSecret(profile, chosen)
    const createdAt = this.#deps.clock.wallMs()
    const vault: Vault = {
      secrets: [{ id: this.#deps.ids.uuid(), value: secret, createdAt, expiresAt: null }],
      headers: resolveHeaders(field, options.headers, {}),
    }
    const found = await this.#store.create(id, settings, vault)
    return { endpoint: await this.#view(found, vault), secret }
  }

  async get(id: string): Promise<EndpointView | null> {
    const found = await this.#store.get(id)
    return found === null ? null : this.#viewOrNull(found)
  }

  async list(options: Parameters<EndpointControl['list']>[0] = {}): ReturnType<EndpointControl['list']> {
    checkKnown('endpoints.list', options, ['after', 'limit'])
    const { after = null, limit = PAGE } = options
    if (!Number.isSafeInteger(limit) || limit < 1)
      throw invalidOption('endpoints.list', 'limit', limit, `a whole number from 1 to ${LONGEST_PAGE}`)
    const { items, next } = await this.#store.list({ after, limit: Math.min(limit, LONGEST_PAGE) })
    const views = await Promise.all(items.map((found) => this.#viewOrNull(found)))
    return { items: views.filter((view) => view !== null), next }
  }

  async change(
    id: string,
    options: Partial<Omit<EndpointOptions, 'secret'>>,
    how: ChangeEndpointOptions = {},
  ): Promise<EndpointView> {
    checkKnown('how to change', how, ['ifVersion', 'force'])
    const field = `endpoint '${partsOfAppName(id)?.name ?? id}'`
    const { headers, ...rest } = options
    if ('secret' in options) throw invalidOption(field, 'secret', MASK, 'changed with rotateSecret')
    let vault: Vault | undefined
    const found = await this.#store.change(
      id,
      async (endpoint, readVault) => {
        const settings = checked(resolveEndpoint(field, rest, endpoint), endpoint)
        // What one receiver granted says nothing of another.
        const verified = settings.url === endpoint.url ? endpoint.verified : null
        const changed = { ...endpoint, ...settings, verified }
        const before = headers === undefined ? null : await readVault()
        vault = before === null ? undefined : { ...before, headers: resolveHeaders(field, headers, before.headers) }
        return { endpoint: resumed(changed, endpoint, rest.enabled, this.#deps.clock.wallMs()), vault }
      },
      how,
    )
    return this.#view(found, vault)
  }

  async remove(id: string, how: ChangeEndpointOptions = {}): Promise<void> {
    checkKnown('how to remove', how, ['ifVersion', 'force'])
    await this.#store.remove(id, how)
  }

  async rotateSecret(
    id: string,
    options: Parameters<EndpointControl['rotateSecret']>[1] = {},
  ): ReturnType<EndpointControl['rotateSecret']> {
    checkKnown('rotateSecret', options, ['secret', 'overlap'])
    const { endpoint: asked } = await this.#store.need(id)
    const profile = profileOf(asked.profile)
    const value = options.secret === undefined ? makeSecret(profile) : checkSecret(profile, options.secret)
    const overlapMs = overlapOf(options.overlap)
    await this.#store.change(id, async (endpoint, readVault) => {
      const now = this.#deps.clock.wallMs()
      const vault = await readVault()
      const before = vault.secrets
        .map((secret) => ({ ...secret, expiresAt: Math.min(secret.expiresAt ?? Infinity, now + overlapMs) }))
        .filter(({ expiresAt }) => expiresAt > now)
      const newest = { id: this.#deps.ids.uuid(), value, createdAt: now, expiresAt: null }
      return { endpoint, vault: { ...vault, secrets: [newest, ...before].slice(0, MOST_SECRETS) } }
    })
    return { secret: value }
  }

  async secrets(id: string): Promise<readonly SecretView[]> {
    const { secrets } = await this.#store.vault(id)
    const now = this.#deps.clock.wallMs()
    return secrets
      .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
      .map(({ id: secret, value, createdAt, expiresAt }) => ({
        id: secret,
        value: maskSecret(value),
        createdAt: new Date(createdAt),
        expiresAt: expiresAt === null ? null : new Date(expiresAt),
      }))
  }

  async test(id: string): Promise<{ readonly id: string }> {
    const { endpoint } = await this.#store.need(id)
    const { id: message, event, body } = sampleCall(this.#deps, partsOfAppName(id)?.name ?? id)
    const [result] = await this.#deps.engine.commit([
      {
        changes: [
          {
            do: 'send',
            queue: endpointQueue(id),
            message: { id: message, event, body, priority: DEFAULT_PRIORITY + 1, notes: notesFor(endpoint) },
          },
        ],
      },
    ])
    if (result?.status !== 'committed')
      throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
    return { id: message }
  }

  async attempts(
    id: string,
    options: Parameters<EndpointControl['attempts']>[1] = {},
  ): ReturnType<EndpointControl['attempts']> {
    checkKnown('attempts', options, ['message'])
    const { endpoint } = await this.#store.need(id)
    const attempts = await readAttempts(this.#deps.engine, endpoint)
    return options.message === undefined ? attempts : attempts.filter(({ message }) => message === options.message)
  }

  async redeliver(
    id: string,
    options: Parameters<EndpointControl['redeliver']>[1],
  ): ReturnType<EndpointControl['redeliver']> {
    const { endpoint } = await this.#store.need(id)
    return redeliver(this.#deps, endpoint, options)
  }

  async grant(token: string, options: Parameters<EndpointControl['grant']>[1] = {}): Promise<Verified> {
    checkKnown('grant', options, ['ratePerMinute'])
    const { ratePerMinute: rate } = options
    if (rate != null && !(Number.isSafeInteger(rate) && rate > 0))
      throw invalidOption('grant', 'ratePerMinute', rate, 'a whole number above 0, or null')
    const verified = await takeGrant(this.#store, token, rate, this.#deps.clock.wallMs())
    if (verified !== null) return verified
    throw new PosthornError('endpoint-not-found', 'nobody waits for this consent: ask for it again')
  }

  keys(): ReturnType<EndpointControl['keys']> {
    return publicKeys(this.#deps)
  }

  async rotateKey(options: Parameters<EndpointControl['rotateKey']>[0] = {}): ReturnType<EndpointControl['rotateKey']> {
    checkKnown('rotateKey', options, ['overlap'])
    return rotateKey(this.#deps, overlapOf(options.overlap))
  }

  deliver(options?: Parameters<EndpointControl['deliver']>[0]): ReturnType<EndpointControl['deliver']> {
    return startDelivering(this.#deps, options)
  }

  /** Null where it is removed meanwhile. */
  async #viewOrNull(found: Found): Promise<EndpointView | null> {
    try {
      return await this.#view(found)
    } catch (error) {
      if (isPosthornError(error) && error.code === 'endpoint-not-found') return null
      throw error
    }
  }

  async #view({ endpoint, version }: Found, vault?: Vault): Promise<EndpointView> {
    const depths = await this.#deps.engine.depth(queuesOf(endpoint))
    const sum = (of: (depth: QueueDepth) => number): number => depths.reduce((total, depth) => total + of(depth), 0)
    const oldest = Math.min(...depths.map(({ oldestReadyAt }) => oldestReadyAt ?? Infinity))
    const { headers } = vault ?? (await this.#store.vault(endpoint.id))
    return {
      ...endpoint,
      status: statusOf(endpoint, endpoint.app !== null && (await isHeld(this.#deps.engine, endpoint.app))),
      headers: Object.fromEntries(Object.keys(headers).map((name) => [name, MASK])),
      lag: sum(({ arrived, ready, held, delayed, leased }) => arrived + ready + held + delayed + leased),
      dead: sum(({ dead }) => dead),
      waitingSince: oldest === Infinity ? null : new Date(Math.floor(oldest)),
      version,
    }
  }
}

function statusOf(endpoint: StoredEndpoint, held: boolean): EndpointView['status'] {
  if (!isActive(endpoint)) return 'disabled'
  if (held) return 'paused'
  return endpoint.failingSince === null ? 'active' : 'failing'
}

/** Its secrets fit its profile: another profile is another endpoint. @throws PosthornError `invalid-option` */
function checked<T extends Pick<StoredEndpoint, 'profile' | 'app'>>(settings: T, { id, profile }: StoredEndpoint): T {
  const name = (given: StoredEndpoint['profile']): string => (typeof given === 'string' ? given : 'custom')
  const kinds = [settings.profile, profile].map((each) =>
    typeof each === 'string' && signsStandard(PROFILES[each]) ? 'standard-webhooks' : name(each),
  )
  if (kinds[0] === kinds[1]) return settings
  throw invalidOption(
    `endpoint '${id}'`,
    'profile',
    name(settings.profile),
    `'${name(profile)}', which its secrets are made for: make another endpoint`,
  )
}

/** What was disabled is called again as soon as somebody says that it is enabled, or takes back that it is not. */
function resumed(
  after: StoredEndpoint,
  before: StoredEndpoint,
  enabled: boolean | null | undefined,
  now: number,
): StoredEndpoint {
  const isAsked = enabled === true || (after.enabled && !before.enabled)
  if (!isAsked || isActive(before)) return after
  return { ...after, disabled: null, failingSince: null, resumedAt: now }
}

function checkId(id: unknown): string {
  const name = checkName(id, "the endpoint's id")
  if (name.length <= LONGEST_ID) return name
  throw new PosthornError(
    'invalid-name',
    `the endpoint's id has ${name.length} characters: at most ${LONGEST_ID} are allowed`,
    {
      details: { field: 'id' },
    },
  )
}

function overlapOf(overlap: Duration | undefined): number {
  return overlap === undefined ? OVERLAP_MS : parseDuration(overlap, 'overlap')
}

/** All endpoints of an app, with what waits for them: when the app is deleted. May be called again where it was interrupted. */
export async function removeEndpointsOf(deps: StoreDeps, app: string): Promise<void> {
  const store = new EndpointStore(deps)
  for (;;) {
    const { items } = await store.list({ after: null, limit: PAGE, prefix: spaceOf(app) })
    if (items.length === 0) return
    for (const { endpoint } of items) await store.remove(endpoint.id, { force: true })
  }
}
