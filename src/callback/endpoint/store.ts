/**
 * Endpoints as records: made, changed, ended, each in one commit with the subscriptions and queues that they stand for. Secrets and
 * headers are a record apart, sealed. Whoever delivers learns of each change by one record that every change puts.
 */
import { belongingKey } from '../../core/belonging.ts'
import type { Clock } from '../../core/clock.ts'
import type { Change, Engine, Page, Version } from '../../core/engine.ts'
import { isPosthornError, PosthornError } from '../../core/error.ts'
import type { Ids } from '../../core/id.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import { endpointQueue, partsOfAppName, spaceOf } from '../../core/name.ts'
import type { StoredRecord } from '../../core/record.ts'
import { DEFAULT_SUBSCRIPTION_QUEUE, type QueueSettings } from '../../core/settings.ts'
import { loadSeal, type Seal, type SealDeps } from '../secret/seal.ts'
import { VAULT_PREFIX, type Vault } from '../secret/secret.ts'
import { removeAttempts } from './attempt.ts'
import { changeOf } from './change-feed.ts'
import { emptyQueue } from './empty-queue.ts'
import {
  ENDPOINT_PREFIX,
  endpointKey,
  queuesOf,
  subscriptionName,
  topicQueue,
  type EndpointSettings,
  type StoredEndpoint,
} from './endpoint.ts'

export interface StoreDeps extends SealDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
  /** What may be stored for an app. @throws PosthornError `app-not-found` */
  readonly bytesOf?: ((app: string) => Promise<number>) | undefined
}

/** All that an app's endpoints have waiting, at the cost of its own. */
export async function queuesOfEndpoints(engine: Pick<Engine, 'list'>, app: string): Promise<readonly string[]> {
  const queues: string[] = []
  for (let after: string | null = null, more = true; more;) {
    const { items, next }: Page<StoredRecord> = await engine.list({
      prefix: ENDPOINT_PREFIX + spaceOf(app),
      after,
      limit: PAGE,
    })
    for (const record of items) queues.push(...queuesOf(toFound(record).endpoint))
    after = next
    more = after !== null
  }
  return queues
}

export interface Found {
  readonly endpoint: StoredEndpoint
  readonly version: Version
}

/** What a change makes of an endpoint. */
export interface Changed {
  readonly endpoint: StoredEndpoint
  readonly vault?: Vault | undefined
  /** For the same commit. */
  readonly more?: readonly Change[] | undefined
}

type MaybePromise<T> = T | Promise<T>

/** A crash is none of the event's doing: it must not bury what was being sent at the time. */
const QUEUE: QueueSettings = { ...DEFAULT_SUBSCRIPTION_QUEUE, maxLapses: 1_000 }
const TRIES = 10
const PAGE = 500

export class EndpointStore {
  readonly #deps: StoreDeps
  #seal: Promise<Seal> | null = null

  constructor(deps: StoreDeps) {
    this.#deps = deps
  }

  async get(id: string): Promise<Found | null> {
    const [stored = null] = await this.#deps.engine.get([endpointKey(id)])
    return stored === null ? null : toFound(stored)
  }

  /** At once; null where one is no more. */
  async some(ids: readonly string[]): Promise<ReadonlyMap<string, Found | null>> {
    const records = ids.length === 0 ? [] : await this.#deps.engine.get(ids.map(endpointKey))
    return new Map(ids.map((id, at) => [id, records[at] == null ? null : toFound(records[at])]))
  }

  /** @throws PosthornError `endpoint-not-found` */
  async need(id: string): Promise<Found> {
    const found = await this.get(id)
    if (found !== null) return found
    throw new PosthornError('endpoint-not-found', `there is no endpoint '${id}'`, { details: { endpoint: id } })
  }

  /** In order of their ids. */
  async list(query: {
    readonly after: string | null
    readonly limit: number
    readonly prefix?: string
  }): Promise<Page<Found>> {
    const { items, next } = await this.#deps.engine.list({
      prefix: ENDPOINT_PREFIX + (query.prefix ?? ''),
      after: query.after,
      limit: query.limit,
    })
    return { items: items.map(toFound), next }
  }

  async *all(): AsyncGenerator<Found, void, undefined> {
    for (let after: string | null = null, more = true; more;) {
      const { items, next }: Page<Found> = await this.list({ after, limit: PAGE })
      yield* items
      after = next
      more = next !== null
    }
  }

  async vault(id: string): Promise<Vault> {
    const key = VAULT_PREFIX + id
    const [stored = null] = await this.#deps.engine.get([key])
    if (stored === null) throw new PosthornError('endpoint-not-found', `there are no secrets of an endpoint '${id}'`)
    try {
      return (await this.seal()).open(key, stored.value) as Vault
    } catch (error) {
      if (!isPosthornError(error) || error.code !== 'corrupt') throw error
      // Another process may have changed the master key since.
      return (await this.#sealAnew()).open(key, stored.value) as Vault
    }
  }

  /** @throws PosthornError `conflict` where there is one already, `full`, `unsupported` */
  async create(id: string, settings: EndpointSettings, vault: Vault, more: readonly Change[] = []): Promise<Found> {
    const now = this.#deps.clock.wallMs()
    const endpoint: StoredEndpoint = {
      ...settings,
      id,
      incarnation: this.#deps.ids.uuid(),
      disabled: null,
      verified: null,
      failingSince: null,
      resumedAt: null,
      createdAt: now,
      updatedAt: now,
    }
    const changes: Change[] = [
      { do: 'put', key: endpointKey(id), value: toJsonBytes(endpoint), ifVersion: null },
      await this.#vaultPut(id, vault),
      { do: 'configure', queue: endpointQueue(id), settings: QUEUE },
      ...(await this.#settingsOf(endpoint)).flatMap(({ topic, settings }) => this.#bind(endpoint, topic, settings)),
      ...belongingOf(endpoint).map((key): Change => ({ do: 'put', key, value: toJsonBytes({}) })),
      ...changeOf(id, this.#deps.clock),
      ...more,
    ]
    return { endpoint, version: await this.#commit(changes, id) }
  }

  /**
   * Puts what `change` makes of it, and of its secrets where it gives any; tried again where somebody else writes at the same time,
   * unless a version is asked for. Secrets are changed with the endpoint and never without: what is read of them here, after it, is what
   * is there at its version.
   * @throws PosthornError `endpoint-not-found`, `conflict`, `subscription-backlog`
   */
  async change(
    id: string,
    change: (endpoint: StoredEndpoint, vault: () => Promise<Vault>) => MaybePromise<Changed | null>,
    options: { readonly ifVersion?: Version | undefined; readonly force?: boolean | undefined } = {},
  ): Promise<Found> {
    return retried(options.ifVersion, async () => {
      const found = await this.need(id)
      const changed = await change(found.endpoint, () => this.vault(id))
      if (changed === null) return found
      const endpoint = { ...changed.endpoint, updatedAt: this.#deps.clock.wallMs() }
      const ifVersion = options.ifVersion ?? found.version
      const changes: Change[] = [
        { do: 'put', key: endpointKey(id), value: toJsonBytes(endpoint), ifVersion },
        ...(changed.vault === undefined ? [] : [await this.#vaultPut(id, changed.vault)]),
        ...(await this.#rebind(found.endpoint, endpoint, options.force === true)),
        ...changeOf(id, this.#deps.clock),
        ...(changed.more ?? []),
      ]
      return { endpoint, version: await this.#commit(changes, id) }
    })
  }

  /**
   * Tried again where somebody else writes at the same time, as whoever delivers does after its calls, unless a version is asked for.
   * @throws PosthornError `endpoint-not-found`, `subscription-backlog`, `conflict`
   */
  async remove(
    id: string,
    options: { readonly ifVersion?: Version | undefined; readonly force?: boolean | undefined } = {},
  ): Promise<void> {
    const { engine } = this.#deps
    const { subscriptions } = await retried(options.ifVersion, async () => {
      const found = await this.need(id)
      await this.#commit(await this.#removal(found, options), id)
      return found.endpoint
    })
    await emptyQueue(engine, endpointQueue(id))
    // What waited has ended with the subscription. What is being called is not to be tried again where that is made anew.
    for (const { topic } of subscriptions) await emptyQueue(engine, topicQueue(topic, id), ['leased'])
  }

  async #removal(
    { endpoint, version }: Found,
    { ifVersion, force }: { readonly ifVersion?: Version | undefined; readonly force?: boolean | undefined },
  ): Promise<readonly Change[]> {
    const { engine, clock } = this.#deps
    const { id } = endpoint
    if (force !== true) await this.#checkEmpty(id, queuesOf(endpoint))
    return [
      { do: 'remove', key: endpointKey(id), ifVersion: ifVersion ?? version },
      { do: 'remove', key: VAULT_PREFIX + id },
      ...belongingOf(endpoint).map((key): Change => ({ do: 'remove', key })),
      ...endpoint.subscriptions.map(({ topic }): Change => ({ do: 'unbind', topic, name: subscriptionName(id) })),
      ...(await removeAttempts(engine, endpoint)),
      // With nothing in it and nobody sending to it, it goes by itself.
      {
        do: 'configure',
        queue: endpointQueue(id),
        settings: { ...QUEUE, idleExpiryMs: 1_000, keep: { ...QUEUE.keep, endedMs: 0, deadMs: 0 } },
      },
      ...changeOf(id, clock),
    ]
  }

  seal(): Promise<Seal> {
    this.#seal ??= loadSeal(this.#deps).catch((error: unknown) => {
      this.#seal = null
      throw error
    })
    return this.#seal
  }

  #sealAnew(): Promise<Seal> {
    this.#seal = null
    return this.seal()
  }

  /** Never with a key that was in use some time ago: the store's own may be gone by now, and what it seals could not be opened by anybody. */
  async #vaultPut(id: string, vault: Vault): Promise<Change> {
    const key = VAULT_PREFIX + id
    return { do: 'put', key, value: (await this.#sealAnew()).seal(key, vault) }
  }

  /** @param settings of its queue, where the subscription is a new one */
  #bind(endpoint: StoredEndpoint, topic: string, settings: QueueSettings | null): readonly Change[] {
    const { id, subscriptions, order } = endpoint
    const { types, filters } = subscriptions.find((each) => each.topic === topic)!
    const subscription = { topic, name: subscriptionName(id), types, filters, from: 'now' as const, order }
    if (settings === null) return [{ do: 'bind', subscription }]
    return [
      { do: 'bind', subscription, ifVersion: null },
      { do: 'configure', queue: topicQueue(topic, id), settings },
    ]
  }

  /** What waits for an app is bounded by its quota: beyond it the subscription is suspended, and no publisher refused. */
  async #settingsOf({
    app,
    subscriptions,
  }: StoredEndpoint): Promise<readonly { readonly topic: string; readonly settings: QueueSettings }[]> {
    const bytes = app === null ? null : ((await this.#deps.bytesOf?.(app)) ?? null)
    const settings = bytes === null ? QUEUE : { ...QUEUE, limit: { ...QUEUE.limit, bytes } }
    return subscriptions.map(({ topic }) => ({ topic, settings }))
  }

  async #rebind(before: StoredEndpoint, after: StoredEndpoint, force: boolean): Promise<readonly Change[]> {
    const { id } = before
    const gone = before.subscriptions.filter(({ topic }) => !after.subscriptions.some((each) => each.topic === topic))
    if (gone.length > 0 && !force)
      await this.#checkEmpty(
        id,
        gone.map(({ topic }) => topicQueue(topic, id)),
      )
    const changes: Change[] = gone.map(({ topic }) => ({ do: 'unbind', topic, name: subscriptionName(id) }))
    const isNew = after.subscriptions.some(({ topic }) => !before.subscriptions.some((each) => each.topic === topic))
    const settings = isNew ? await this.#settingsOf(after) : []
    for (const [at, each] of after.subscriptions.entries()) {
      const known = before.subscriptions.find(({ topic }) => topic === each.topic)
      const same = known !== undefined && before.order === after.order && JSON.stringify(known) === JSON.stringify(each)
      if (!same) changes.push(...this.#bind(after, each.topic, known === undefined ? settings[at]!.settings : null))
    }
    return changes
  }

  async #checkEmpty(id: string, queues: readonly string[]): Promise<void> {
    const depths = await this.#deps.engine.depth(queues)
    const waiting = depths.reduce(
      (sum, { arrived, ready, held, delayed, leased }) => sum + arrived + ready + held + delayed + leased,
      0,
    )
    if (waiting > 0)
      throw new PosthornError(
        'subscription-backlog',
        `endpoint '${id}' still has ${waiting} events there: have them delivered, or discard them with force`,
        { details: { endpoint: id, lag: waiting } },
      )
  }

  /** The version of the first change. */
  async #commit(changes: readonly Change[], id: string): Promise<Version> {
    const [result] = await this.#deps.engine.commit([{ changes }])
    if (result?.status === 'committed') {
      const [first] = result.results
      return first != null && 'version' in first ? first.version : ''
    }
    throw new PosthornError(result?.code ?? 'unknown', `endpoint '${id}': ${result?.detail ?? 'no answer'}`, {
      details: { endpoint: id },
    })
  }
}

/** Once more where another write came between, from what is there then; who asked for a version is told instead. */
async function retried<T>(asked: Version | undefined, write: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write()
    } catch (error) {
      const again = error instanceof PosthornError && error.code === 'conflict' && asked === undefined
      if (!again || tries >= TRIES) throw error
    }
  }
}

/** How the endpoints of an app are found at the cost of its own. */
function belongingOf({ id }: StoredEndpoint): readonly string[] {
  const parts = partsOfAppName(id)
  return parts === null ? [] : [belongingKey(parts.app, 'endpoint', parts.name)]
}

function toFound({ value, version }: StoredRecord): Found {
  return { endpoint: fromJsonBytes(value) as StoredEndpoint, version }
}
