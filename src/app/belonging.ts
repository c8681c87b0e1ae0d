/**
 * What belongs to an app beside its queues, as records `system/of-app/APP/KIND/…` that are written by the commit which makes the thing: so an
 * app's things are counted and listed at the cost of its own, however much others have.
 */
import { belongingPrefix, type BelongingKind } from '../core/belonging.ts'
import type { Engine, Page } from '../core/engine.ts'
import { spaceOf } from '../core/name.ts'
import type { StoredRecord } from '../core/record.ts'
import { settingsKey, subscriptionQueue } from '../core/settings.ts'

/** What the record of an operation says; while that lives it is found by `living` as well. */
export interface AppOperation {
  readonly task: string
  /** Of the app that it is of. */
  readonly incarnation: string
  /** Of the input. */
  readonly bytes: number
}

const PAGE = 500

/** The names of an app's queues, as the engine has them; those that were never set anything of are not among them. */
export async function queuesOf(engine: Pick<Engine, 'list'>, app: string): Promise<readonly string[]> {
  const prefix = settingsKey('')
  const records = await listAll(engine, prefix + spaceOf(app))
  return records.map(({ key }) => key.slice(prefix.length))
}

/** Of its subscriptions; those of its endpoints are not among them. */
export async function subscriptionQueuesOf(engine: Pick<Engine, 'list'>, app: string): Promise<readonly string[]> {
  const prefix = belongingPrefix(app, 'subscription')
  return (await belongingsOf(engine, app, 'subscription')).map(({ key }) => {
    const [topic, name] = key.slice(prefix.length).split('/') as [string, string]
    return subscriptionQueue(topic, spaceOf(app) + name)
  })
}

/** The records of one kind, in order of their names; those of `living` are the records of the operations. */
export function belongingsOf(
  engine: Pick<Engine, 'list'>,
  app: string,
  kind: BelongingKind,
): Promise<readonly StoredRecord[]> {
  return listAll(engine, belongingPrefix(app, kind))
}

/** All pages. */
async function listAll(engine: Pick<Engine, 'list'>, prefix: string): Promise<readonly StoredRecord[]> {
  const found: StoredRecord[] = []
  for (let after: string | null = null, more = true; more;) {
    const { items, next }: Page<StoredRecord> = await engine.list({ prefix, after, limit: PAGE })
    found.push(...items)
    after = next
    more = after !== null
  }
  return found
}
