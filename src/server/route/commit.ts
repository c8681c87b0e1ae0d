/** One commit of a request, with refusals as the errors that clients see. */
import type { Change, ChangeResult, CommitResult, Durability, Engine } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { fromJsonBytes } from '../../core/json.ts'
import { DEFAULT_QUEUE, settingsKey, type QueueSettings } from '../../core/settings.ts'

export interface Committed {
  readonly durability: Durability
  readonly results: readonly ChangeResult[]
  /** Whether it had been applied by an earlier call with the same commit id. */
  readonly replayed: boolean
}

/** @throws PosthornError by the refusal's code; `full` says when to come back */
export async function commit(engine: Engine, changes: readonly Change[], id?: string): Promise<Committed> {
  const [result] = await engine.commit([id === undefined ? { changes } : { id, changes }])
  if (result?.status === 'committed') return result
  throw await refusal(engine, changes, result)
}

async function refusal(
  engine: Engine,
  changes: readonly Change[],
  result: Extract<CommitResult, { status: 'refused' }> | undefined,
): Promise<PosthornError> {
  if (result === undefined) return new PosthornError('unknown', 'the engine gave no answer')
  const { code, detail, at } = result
  const change = changes[at]
  const queue = code === 'full' && change?.do === 'send' ? change.queue : null
  return new PosthornError(code, detail, {
    details: {
      at,
      ...(code === 'disk-full' ? { retryAfterSeconds: RETRY_SECONDS } : {}),
      ...(queue === null ? {} : await rateLimitOf(engine, queue)),
    },
  })
}

const RETRY_SECONDS = 5

/** A full queue as quotas of the messages and bytes that it holds at once, with what is left of each. */
async function rateLimitOf(engine: Engine, queue: string): Promise<Record<string, unknown>> {
  const [record] = await engine.get([settingsKey(queue)])
  const { limit } = record == null ? DEFAULT_QUEUE : (fromJsonBytes(record.value) as QueueSettings)
  const [depth] = await engine.depth([queue])
  const living = depth === undefined ? 0 : depth.arrived + depth.ready + depth.held + depth.delayed + depth.leased
  const quotas = [
    { name: 'queue', unit: 'concurrent-requests', limit: limit.messages, used: living },
    { name: 'bytes', unit: 'content-bytes', limit: limit.bytes, used: depth?.bytes ?? 0 },
  ].filter(({ limit: most }) => most !== null)
  if (quotas.length === 0) return { queue, retryAfterSeconds: RETRY_SECONDS }
  const rateLimit = {
    policy: quotas.map(({ name, unit, limit: most }) => `"${name}";q=${most};qu="${unit}"`).join(', '),
    state: quotas
      .map(({ name, limit: most, used }) => `"${name}";r=${Math.max(0, most! - used)};t=${RETRY_SECONDS}`)
      .join(', '),
  }
  return { queue, retryAfterSeconds: RETRY_SECONDS, rateLimit }
}
