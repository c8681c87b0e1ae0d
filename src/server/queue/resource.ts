/** Reading and writing a queue's settings with versions: what the engine keeps, and beside it what only clients' retries need. */
import type { Change, Version } from '../../core/engine.ts'
import { isPosthornError, PosthornError } from '../../core/error.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import { defaultSettings, settingsKey, type QueueSettings } from '../../core/settings.ts'
import { checkSettings } from '../../queue/index.ts'
import type { ServerDeps } from '../route/call.ts'
import { commit } from '../route/commit.ts'
import { DEFAULT_RESOURCE, type HttpRetry, type QueueResource } from './settings.ts'

export interface VersionedResource {
  readonly resource: QueueResource
  /** Null while nobody has set anything. */
  readonly version: Version | null
}

/** What a write demands of the version before it. */
export interface Precondition {
  readonly ifMatch: string | null
  readonly ifNoneMatch: string | null
}

export const RETRY_PREFIX = 'system/retry/'
const NO_VERSION = 'none'
const TRIES = 5

export const etagOf = (version: Version | null): string => `"${version ?? NO_VERSION}"`

export async function readResource(deps: ServerDeps, queue: string): Promise<VersionedResource> {
  return (await readResources(deps, [queue]))[0]!
}

/** In the order of the queues. */
export async function readResources(
  { engine }: ServerDeps,
  queues: readonly string[],
): Promise<readonly VersionedResource[]> {
  const records = await engine.get(queues.flatMap((queue) => [settingsKey(queue), RETRY_PREFIX + queue]))
  return queues.map((queue, at) => {
    const [settings, retry] = [records[2 * at], records[2 * at + 1]]
    return {
      resource: {
        settings:
          settings == null
            ? defaultSettings(queue)
            : { ...defaultSettings(queue), ...(fromJsonBytes(settings.value) as QueueSettings) },
        retry: retry == null ? DEFAULT_RESOURCE.retry : (fromJsonBytes(retry.value) as HttpRetry),
      },
      version: settings?.version ?? null,
    }
  })
}

/** The policy for a failed run that a client reports: the contract's, where it is known here, else the queue's. */
export async function retryPolicyOf(deps: ServerDeps, queue: string): Promise<HttpRetry> {
  return deps.registry.get(queue)?.retry ?? (await readResource(deps, queue)).resource.retry
}

/**
 * Writes what `change` makes of the stored settings, where the precondition holds; without one it is tried again when somebody
 * else writes at the same time. `more` goes into the same commit.
 * @throws PosthornError `precondition-failed`, `conflict`, `invalid`, `unsupported`
 */
export async function writeResource(
  deps: ServerDeps,
  queue: string,
  precondition: Precondition,
  change: (stored: VersionedResource) => QueueResource,
  more: (stored: VersionedResource) => readonly Change[],
): Promise<VersionedResource> {
  for (let tries = 1; ; tries++) {
    const stored = await readResource(deps, queue)
    checkPrecondition(precondition, stored.version, await exists(deps, queue, stored.version))
    const resource = change(stored)
    checkSettings(deps.engine, queue, resource.settings)
    try {
      const { results } = await commit(deps.engine, [
        { do: 'configure', queue, settings: resource.settings, ifVersion: stored.version },
        { do: 'put', key: RETRY_PREFIX + queue, value: toJsonBytes(resource.retry) },
        ...more({ resource, version: stored.version }),
      ])
      const [configured] = results
      return { resource, version: configured != null && 'version' in configured ? configured.version : null }
    } catch (error) {
      const again = isPosthornError(error) && error.code === 'conflict' && tries < TRIES
      if (!again) throw error
    }
  }
}

async function exists({ engine }: ServerDeps, queue: string, version: Version | null): Promise<boolean> {
  return version !== null || (await engine.depth([queue])).length > 0
}

/** @throws PosthornError `precondition-failed` */
export function checkPrecondition(
  { ifMatch, ifNoneMatch }: Precondition,
  version: Version | null,
  isThere: boolean,
  what = 'the queue',
): void {
  const has = (list: string) =>
    list.trim() === '*' ? isThere : list.split(',').some((each) => each.trim() === etagOf(version))
  if (ifMatch !== null && !has(ifMatch))
    throw new PosthornError(
      'precondition-failed',
      `If-Match is ${ifMatch} and ${what} is at ${isThere ? etagOf(version) : 'nothing'}: read it again`,
      { details: { etag: etagOf(version) } },
    )
  if (ifNoneMatch !== null && has(ifNoneMatch))
    throw new PosthornError('precondition-failed', `If-None-Match is ${ifNoneMatch} and ${what} is there`, {
      details: { etag: etagOf(version) },
    })
}
