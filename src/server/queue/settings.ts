/** A queue's settings as clients write and read them: durations with units, names as in contracts. */
import type { Principal } from '../../app/index.ts'
import { formatDuration } from '../../core/duration.ts'
import { PosthornError } from '../../core/error.ts'
import { DEFAULT_QUEUE, type QueueSettings } from '../../core/settings.ts'
import type { RetryPolicy } from '../../delivery/binding.ts'
import { DEFAULT_RETRY } from '../../delivery/retry.ts'
import { Fields, invalid } from '../request/field.ts'

/** What a client says about a failed run without saying when to try again. */
export type HttpRetry = Pick<RetryPolicy, 'attempts' | 'backoff'>

export interface QueueResource {
  readonly settings: QueueSettings
  readonly retry: HttpRetry
}

export const DEFAULT_RESOURCE: QueueResource = { settings: DEFAULT_QUEUE, retry: DEFAULT_RETRY }

const WRITABLE = [
  'pick',
  'aging',
  'limit',
  'overflow',
  'retry',
  'dedupeWindow',
  'maxLapses',
  'keep',
  'idleExpiry',
  'paused',
]
/** Shown beside the settings and ignored in a write, so that what was read can be changed and written back. */
const READ_ONLY = ['queue', 'arrived', 'ready', 'held', 'delayed', 'leased', 'dead', 'ended', 'bytes', 'oldestReadyAt']
const COUNT = { min: 0, max: Number.MAX_SAFE_INTEGER }
/** How a secret is shown once it has been shown; no queue has one, but nobody should store one either. */
const MASK = /^\*{3,}$|\*{4,}$/

/** What an app's queue may keep beside what waits, which its quota of bytes does not count. */
const MOST_OF_APP = { dedupeWindowMs: 86_400_000, endedMs: 7 * 86_400_000, ended: 1_000, dead: 1_000 }

/** The settings as far as the principal may have them: an app's queue keeps a bounded number of what is dead or has ended. */
export function allowedTo({ kind }: Principal, { settings, retry }: QueueResource): QueueResource {
  if (kind === 'platform') return { settings, retry }
  const { keep, dedupeWindowMs } = settings
  return {
    retry,
    settings: {
      ...settings,
      dedupeWindowMs: Math.min(dedupeWindowMs, MOST_OF_APP.dedupeWindowMs),
      keep: {
        ...keep,
        endedMs: Math.min(keep.endedMs, MOST_OF_APP.endedMs),
        endedCount: Math.min(keep.endedCount, MOST_OF_APP.ended),
        deadCount: Math.min(keep.deadCount, MOST_OF_APP.dead),
      },
    },
  }
}

export function showSettings({ settings, retry }: QueueResource): Record<string, unknown> {
  const { pick, limit, keep } = settings
  return {
    pick: pick.by,
    aging: orNull(pick.agingMs ?? null),
    limit,
    overflow: settings.overflow,
    retry: showRetry(retry),
    dedupeWindow: formatDuration(settings.dedupeWindowMs),
    maxLapses: settings.maxLapses,
    keep: {
      acked: keep.acked,
      ended: formatDuration(keep.endedMs),
      endedCount: keep.endedCount,
      dead: orNull(keep.deadMs),
      deadCount: keep.deadCount,
    },
    idleExpiry: orNull(settings.idleExpiryMs),
    paused: settings.paused,
  }
}

export function showRetry({ attempts, backoff }: HttpRetry): Record<string, unknown> {
  return {
    attempts,
    backoff: {
      kind: backoff.kind,
      base: formatDuration(backoff.baseMs),
      cap: formatDuration(backoff.capMs),
      factor: backoff.factor,
      jitter: backoff.jitter,
    },
  }
}

/**
 * What a write makes of `base`: the stored settings for a patch, the defaults for a replacement. null is "none" where that is a
 * setting, and the default elsewhere.
 * @throws PosthornError `invalid`, `masked-value`, `invalid-duration`, `duration-without-unit`
 */
export function readSettings(value: unknown, base: QueueResource): QueueResource {
  const fields = new Fields(value, [...WRITABLE, ...READ_ONLY])
  for (const name of WRITABLE) refuseMasks(fields.raw(name), name)
  const { settings } = base
  const pick = orDefault(
    fields,
    'pick',
    () => fields.oneOf('pick', ['fifo', 'priority', 'deadline'], settings.pick.by),
    DEFAULT_QUEUE.pick.by,
  )
  const aging = nullable(fields, 'aging', pick === settings.pick.by ? (settings.pick.agingMs ?? null) : null, () =>
    fields.duration('aging', null),
  )
  return {
    settings: {
      pick: { ...settings.pick, by: pick, agingMs: aging ?? undefined },
      limit: readLimit(fields, settings),
      overflow: orDefault(
        fields,
        'overflow',
        () => fields.oneOf('overflow', ['refuse', 'suspend'], settings.overflow),
        DEFAULT_QUEUE.overflow,
      ),
      paused: orDefault(fields, 'paused', () => fields.flag('paused', settings.paused), false),
      dedupeWindowMs: orDefault(
        fields,
        'dedupeWindow',
        () => fields.duration('dedupeWindow', settings.dedupeWindowMs),
        DEFAULT_QUEUE.dedupeWindowMs,
      ),
      maxLapses: orDefault(
        fields,
        'maxLapses',
        () => fields.whole('maxLapses', COUNT, settings.maxLapses),
        DEFAULT_QUEUE.maxLapses,
      ),
      keep: readKeep(fields, settings),
      idleExpiryMs: nullable(fields, 'idleExpiry', settings.idleExpiryMs, () => fields.duration('idleExpiry', null)),
    },
    retry: readRetry(fields, base.retry),
  }
}

function readLimit(parent: Fields, { limit }: QueueSettings): QueueSettings['limit'] {
  const fields = part(parent, 'limit', ['messages', 'bytes'])
  if (fields === 'same') return limit
  if (fields === 'default') return DEFAULT_QUEUE.limit
  return {
    messages: nullable(fields, 'messages', limit.messages, () => fields.whole('messages', COUNT, null)),
    bytes: nullable(fields, 'bytes', limit.bytes, () => fields.whole('bytes', COUNT, null)),
  }
}

function readKeep(parent: Fields, { keep }: QueueSettings): QueueSettings['keep'] {
  const fields = part(parent, 'keep', ['acked', 'ended', 'endedCount', 'dead', 'deadCount'])
  if (fields === 'same') return keep
  const defaults = DEFAULT_QUEUE.keep
  if (fields === 'default') return defaults
  return {
    acked: orDefault(fields, 'acked', () => fields.flag('acked', keep.acked), defaults.acked),
    endedMs: orDefault(fields, 'ended', () => fields.duration('ended', keep.endedMs), defaults.endedMs),
    endedCount: orDefault(
      fields,
      'endedCount',
      () => fields.whole('endedCount', COUNT, keep.endedCount),
      defaults.endedCount,
    ),
    deadMs: nullable(fields, 'dead', keep.deadMs, () => fields.duration('dead', null)),
    deadCount: orDefault(
      fields,
      'deadCount',
      () => fields.whole('deadCount', COUNT, keep.deadCount),
      defaults.deadCount,
    ),
  }
}

export function readRetry(parent: Fields, retry: HttpRetry): HttpRetry {
  const fields = part(parent, 'retry', ['attempts', 'backoff'])
  if (fields === 'same') return retry
  if (fields === 'default') return DEFAULT_RETRY
  const attempts = orDefault(
    fields,
    'attempts',
    () => fields.whole('attempts', { min: 1, max: 1_000_000 }, retry.attempts),
    DEFAULT_RETRY.attempts,
  )
  const inner = part(fields, 'backoff', ['kind', 'base', 'cap', 'factor', 'jitter'])
  if (inner === 'same') return { attempts, backoff: retry.backoff }
  if (inner === 'default') return { attempts, backoff: DEFAULT_RETRY.backoff }
  const { kind, baseMs, capMs, factor, jitter } = retry.backoff
  const backoff = {
    kind: inner.oneOf('kind', ['fixed', 'exponential'], kind),
    baseMs: inner.duration('base', baseMs),
    capMs: inner.duration('cap', capMs),
    factor: inner.number('factor', { min: 1, max: 100 }, factor),
    jitter: inner.oneOf('jitter', ['none', 'full', 'decorrelated'], jitter),
  }
  if (backoff.capMs < backoff.baseMs)
    throw invalid(
      inner.name('cap'),
      formatDuration(backoff.capMs),
      `at least the base, ${formatDuration(backoff.baseMs)}`,
    )
  return { attempts, backoff }
}

function part(parent: Fields, name: string, known: readonly string[]): Fields | 'same' | 'default' {
  const value = parent.raw(name)
  if (value === undefined) return 'same'
  return value === null ? 'default' : new Fields(value, known, parent.name(name))
}

function orDefault<T>(fields: Fields, name: string, read: () => T, fallback: T): T {
  return fields.raw(name) === null ? fallback : read()
}

function nullable(fields: Fields, name: string, same: number | null, read: () => number | null): number | null {
  const value = fields.raw(name)
  return value === undefined ? same : value === null ? null : read()
}

function refuseMasks(value: unknown, place: string): void {
  if (typeof value === 'string' && MASK.test(value))
    throw new PosthornError(
      'masked-value',
      `${place} is ${JSON.stringify(value)}, which is how a secret is shown: write the value itself, or leave the field out of a PATCH`,
      { details: { field: place } },
    )
  if (typeof value !== 'object' || value === null) return
  for (const [name, inner] of Object.entries(value)) refuseMasks(inner, `${place}.${name}`)
}

const orNull = (ms: number | null): string | null => (ms === null ? null : formatDuration(ms))
