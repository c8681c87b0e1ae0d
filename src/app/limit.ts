/** What waits for an app's subscriptions and endpoints is bounded by its quota of bytes: where that changes, their limits change with it. */
import { queuesOfEndpoints } from '../callback/index.ts'
import type { Change, Engine } from '../core/engine.ts'
import { fromJsonBytes } from '../core/json.ts'
import { settingsKey, type QueueSettings } from '../core/settings.ts'
import { subscriptionQueuesOf } from './belonging.ts'

/**
 * A limit that is the quota's becomes the new quota, and none is left above it; what somebody set lower stays, and so does a queue without
 * a limit of bytes. One made at the same moment may still have the limit before.
 */
export async function movedLimits(
  engine: Pick<Engine, 'get' | 'list'>,
  app: string,
  beforeBytes: number,
  bytes: number,
): Promise<readonly Change[]> {
  if (bytes === beforeBytes) return []
  const queues = [...(await subscriptionQueuesOf(engine, app)), ...(await queuesOfEndpoints(engine, app))]
  const records = queues.length === 0 ? [] : await engine.get(queues.map(settingsKey))
  return records.flatMap((record, at): readonly Change[] => {
    if (record == null) return []
    const settings = fromJsonBytes(record.value) as QueueSettings
    const now = settings.limit.bytes
    if (now === null || (now !== beforeBytes && now <= bytes)) return []
    const moved = { ...settings, limit: { ...settings.limit, bytes } }
    return [{ do: 'configure', queue: queues[at]!, settings: moved, ifVersion: record.version }]
  })
}
