/** An endpoint as clients write and read it: durations with units or in fields that end in Seconds, names as in the API of the package. */
import { outOfSpace, type Principal } from '../../app/index.ts'
import type { EndpointOptions, EndpointView } from '../../callback/index.ts'
import { formatDuration, parseDurationText } from '../../core/duration.ts'
import { Fields, invalid } from '../request/field.ts'
import { toTime } from '../message/show.ts'

const WRITABLE = [
  'url',
  'subscriptions',
  'description',
  'app',
  'profile',
  'secret',
  'signature',
  'order',
  'ratePerSecond',
  'concurrency',
  'timeoutSeconds',
  'retry',
  'payload',
  'headers',
  'enabled',
  'drainPerSecond',
  'answerTo',
]
/** Shown beside the settings and ignored in a write, so that what was read can be changed and written back. */
const READ_ONLY = [
  'id',
  'status',
  'disabled',
  'verified',
  'failingSince',
  'lag',
  'dead',
  'waitingSince',
  'createdAt',
  'updatedAt',
]
const SECONDS = { min: 0.1, max: 120 }

export interface Written {
  readonly app: string | undefined
  readonly options: Partial<EndpointOptions>
}

/** What is checked further is checked where it is resolved. @throws PosthornError `invalid`, `duration-without-unit` */
export function readEndpoint(value: unknown): Written {
  const fields = new Fields(value, [...WRITABLE, ...READ_ONLY])
  const options: Record<string, unknown> = {}
  for (const name of WRITABLE)
    if (fields.has(name) && name !== 'app' && name !== 'timeoutSeconds') options[name] = fields.raw(name)
  if (fields.raw('timeoutSeconds') === null) options['timeout'] = null
  else if (fields.has('timeoutSeconds')) options['timeout'] = fields.number('timeoutSeconds', SECONDS, 0) * 1_000
  checkDelays(fields.raw('retry'), 'retry')
  const profile = fields.raw('profile')
  if (typeof profile === 'object' && profile !== null) {
    const { retry, timeout } = profile as { readonly retry?: unknown; readonly timeout?: unknown }
    checkDelays(retry, 'profile.retry')
    if (timeout !== undefined) checkDuration(timeout, 'profile.timeout')
  }
  const app = fields.raw('app') === null ? undefined : fields.text('app', undefined, 32)
  return { app, options }
}

/** A number in JSON has no unit. */
function checkDelays(retry: unknown, field: string): void {
  const { delays } = Object(retry) as { readonly delays?: unknown }
  if (Array.isArray(delays)) for (const [at, each] of delays.entries()) checkDuration(each, `${field}.delays[${at}]`)
}

function checkDuration(value: unknown, field: string): void {
  if (typeof value !== 'string' && typeof value !== 'number') throw invalid(field, value, "a text like '5s' or '10m'")
  parseDurationText(String(value), field)
}

export function showEndpoint(principal: Principal, view: EndpointView): Record<string, unknown> {
  const { id, url, description, app, subscriptions, profile, signature, order, status, payload, enabled } = view
  return {
    id: outOfSpace(principal, id),
    url,
    description,
    app,
    subscriptions,
    profile: typeof profile === 'string' ? profile : showProfile(profile),
    signature,
    order,
    ratePerSecond: view.ratePerSecond,
    concurrency: view.concurrency,
    timeoutSeconds: view.timeoutMs === null ? null : view.timeoutMs / 1_000,
    retry: view.retry === null ? null : showRetry(view.retry),
    payload,
    headers: view.headers,
    enabled,
    drainPerSecond: view.drainPerSecond,
    answerTo: view.answerTo,
    status,
    disabled: view.disabled === null ? null : { reason: view.disabled.reason, at: toTime(view.disabled.at) },
    verified: view.verified === null ? null : showVerified(view.verified),
    failingSince: view.failingSince === null ? null : toTime(view.failingSince),
    lag: view.lag,
    dead: view.dead,
    waitingSince: view.waitingSince?.toISOString() ?? null,
    createdAt: toTime(view.createdAt),
    updatedAt: toTime(view.updatedAt),
  }
}

type Custom = Exclude<EndpointView['profile'], string>

function showProfile({ timeoutMs, retry, id, type, timestamp, ...rest }: Custom): Record<string, unknown> {
  return {
    ...rest,
    ...(id === null ? {} : { id }),
    ...(type === null ? {} : { type }),
    ...(timestamp === null ? {} : { timestamp }),
    timeout: formatDuration(timeoutMs),
    retry: showRetry(retry),
  }
}

const showRetry = ({ attempts, delaysMs }: NonNullable<EndpointView['retry']>): Record<string, unknown> => ({
  attempts,
  delays: delaysMs.map(formatDuration),
})

const showVerified = ({ by, at, ratePerMinute }: NonNullable<EndpointView['verified']>): Record<string, unknown> => ({
  by,
  at: toTime(at),
  ratePerMinute,
})
