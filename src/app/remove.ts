/** The end of what an app has, when it is deleted: its keys are void by then, so that nothing new comes. */
import { belongingPrefix } from '../core/belonging.ts'
import { removeEndpointsOf } from '../callback/index.ts'
import type { Clock } from '../core/clock.ts'
import type { Change, Engine, Page, QueueDepth } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import type { Ids } from '../core/id.ts'
import { fromJsonBytes } from '../core/json.ts'
import { spaceOf } from '../core/name.ts'
import type { StoredMessage } from '../core/message.ts'
import { taskQueue } from '../operation/index.ts'
import { createQueueControl } from '../queue/index.ts'
import { belongingsOf, queuesOf, type AppOperation } from './belonging.ts'

export interface RemoveDeps {
  readonly engine: Engine
  readonly clock: Clock
  readonly ids: Ids
}

/** A queue that is empty and that nobody uses is removed by the engine, with its settings, after so long. */
const IDLE_EXPIRY_MS = 1_000
const PAGE = 500

/** What an app still has, as a sentence for people; null where it has nothing. */
export async function remainsOf({ engine }: RemoveDeps, app: string): Promise<string | null> {
  const depths = await engine.depth(await queuesOf(engine, app))
  const messages = depths.reduce((sum, depth) => sum + living(depth) + depth.dead, 0)
  const counts: readonly (readonly [number, string])[] = [
    [messages, 'messages'],
    [(await belongingsOf(engine, app, 'subscription')).length, 'subscriptions'],
    [(await belongingsOf(engine, app, 'endpoint')).length, 'endpoints'],
    [(await belongingsOf(engine, app, 'living')).length, 'operations that have not ended'],
  ]
  const told = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return told.length === 0 ? null : told.join(', ')
}

/** Ends endpoints and subscriptions, cancels operations, empties queues and lets the engine remove them. May be called again where it was interrupted. */
export async function removeAll(deps: RemoveDeps, app: string): Promise<void> {
  const { engine } = deps
  await removeEndpointsOf(deps, app)
  const subscriptions = belongingPrefix(app, 'subscription')
  for (const { key } of await belongingsOf(engine, app, 'subscription')) {
    const [topic, name] = key.slice(subscriptions.length).split('/') as [string, string]
    await commit(engine, [
      { do: 'unbind', topic, name: spaceOf(app) + name },
      { do: 'remove', key },
    ])
  }
  const operations = belongingPrefix(app, 'operation')
  for (const { key, value } of await belongingsOf(engine, app, 'living')) {
    const { task } = fromJsonBytes(value) as AppOperation
    await commit(engine, [{ do: 'cancel', messages: [{ queue: taskQueue(task), id: key.slice(operations.length) }] }])
  }
  for (const queue of await queuesOf(engine, app)) await clear(deps, queue)
  for (const { key } of await belongingsOf(engine, app, 'operation')) await commit(engine, [{ do: 'remove', key }])
}

async function clear(deps: RemoveDeps, queue: string): Promise<void> {
  const control = createQueueControl(deps, queue)
  // What somebody holds is never handed out again, and ends when its lease does.
  for (let after: string | null = null, more = true; more;) {
    const { items, next }: Page<StoredMessage> = await control.browse({ state: 'leased', after, limit: PAGE })
    await control.cancel(items.map(({ id }) => id))
    after = next
    more = after !== null
  }
  await control.purge()
  await control.purge({ state: 'dead' })
  await control.configure({ idleExpiryMs: IDLE_EXPIRY_MS })
}

async function commit(engine: Engine, changes: readonly Change[]): Promise<void> {
  const [result] = await engine.commit([{ changes }])
  if (result?.status !== 'committed') throw new PosthornError(result?.code ?? 'unknown', result?.detail ?? 'no answer')
}

const living = ({ arrived, ready, held, delayed, leased }: QueueDepth): number =>
  arrived + ready + held + delayed + leased
