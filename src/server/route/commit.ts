/** One commit of a request, with refusals as the errors that clients see. */
import type { Change, ChangeResult, CommitResult, Durability, Engine } from '../../core/engine.ts'
import { PosthornError } from '../../core/error.ts'
import { DEFAULT_QUEUE, settingsKey, type QueueSettings } from '../../core/settings.ts'
import { fromJsonBytes } from '../../core/json.ts'

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
    details: { at, ...(queue === null ? {} : await rateLimitOf(engine, queue)) },
  })
}

const RETRY_SECONDS = 5

/** A full queue as a quota of messages that are under way at once: none is left. */
async function rateLimitOf(engine: Engine, queue: string): Promise<Record<string, unknown>> {
  const [record] = await engine.get([settingsKey(queue)])
  const { limit } = record == null ? DEFAULT_QUEUE : (fromJsonBytes(record.value) as QueueSettings)
  if (limit.messages === null) return { queue, retryAfterSeconds: RETRY_SECONDS }
  const rateLimit = {
    policy: `"queue";q=${limit.messages};qu="concurrent-requests"`,
    state: `"queue";r=0;t=${RETRY_SECONDS}`,
  }
  return { queue, retryAfterSeconds: RETRY_SECONDS, rateLimit }
}
