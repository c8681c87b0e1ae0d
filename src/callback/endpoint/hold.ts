/**
 * Apps whose endpoints are not called, because they are paused: a record for each, put and removed by the commit that pauses or resumes
 * the app. What comes meanwhile waits where it would anyway, and goes on in order.
 */
import type { Clock } from '../../core/clock.ts'
import type { Change, Engine, Page } from '../../core/engine.ts'
import { toJsonBytes } from '../../core/json.ts'
import type { StoredRecord } from '../../core/record.ts'
import { changeOf } from './change-feed.ts'

const PREFIX = 'system/app-held/'
const PAGE = 500

/** For the commit that pauses an app, or resumes it. */
export function holdEndpointsOf(app: string, isHeld: boolean, clock: Clock): readonly Change[] {
  const key = PREFIX + app
  return [isHeld ? { do: 'put', key, value: toJsonBytes({}) } : { do: 'remove', key }, ...changeOf(null, clock)]
}

export async function heldApps(engine: Pick<Engine, 'list'>): Promise<ReadonlySet<string>> {
  const held = new Set<string>()
  for (let after: string | null = null, more = true; more;) {
    const { items, next }: Page<StoredRecord> = await engine.list({ prefix: PREFIX, after, limit: PAGE })
    for (const { key } of items) held.add(key.slice(PREFIX.length))
    after = next
    more = after !== null
  }
  return held
}

export async function isHeld(engine: Pick<Engine, 'get'>, app: string): Promise<boolean> {
  const [record = null] = await engine.get([PREFIX + app])
  return record !== null
}
