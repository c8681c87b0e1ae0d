/**
 * Operations as an app has them: found and listed by records of its own, so that those of others are neither shown nor looked through, and
 * with the ids that it knows.
 */
import { mayChoose, type AppOperation, type AppPrincipal, type Principal } from '../../app/index.ts'
import { belongingKey, belongingPrefix } from '../../core/belonging.ts'
import type { Change } from '../../core/engine.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import { isOwnQueue } from '../../core/name.ts'
import { taskQueue, type OperationPage, type OperationSnapshot, type OperationStatus } from '../../operation/index.ts'
import type { Call } from '../route/call.ts'

/** How long it is known that an operation was erased. */
const MARK_MS = 24 * 3_600_000

interface Kept extends AppOperation {
  readonly erased?: boolean | undefined
}

/** What makes an operation the app's, for the commit that starts it; nothing for the platform's. */
export function startOfApps({ principal }: Call, id: string, task: string, bytes: number): readonly Change[] {
  if (principal.kind === 'platform') return []
  const { app, incarnation } = principal
  return [
    {
      do: 'put',
      key: belongingKey(app, 'operation', id),
      value: toJsonBytes({ task, incarnation, bytes } satisfies Kept),
      aliases: [belongingKey(app, 'living', id)],
    },
  ]
}

/** What was noted for an operation that then was not started. */
export async function forgetStart({ deps, principal }: Call, id: string): Promise<void> {
  if (principal.app === null) return
  await deps.engine.commit([{ changes: [{ do: 'remove', key: belongingKey(principal.app, 'operation', id) }] }])
}

/** The app's operation, with the id that it has inside; 'erased' for one that was; null where it is not the app's. */
export async function locateForApp(
  { deps, veil }: Call,
  principal: AppPrincipal,
  id: string,
  verb: 'read' | 'cancel',
): Promise<OperationSnapshot | 'erased' | null> {
  if (!mayChoose(id)) return null
  const ids = [id, veil.chosenId(id)]
  const records = await deps.engine.get(ids.map((each) => belongingKey(principal.app, 'operation', each)))
  const at = records.findIndex((record) => record !== null)
  if (at < 0) return null
  const kept = fromJsonBytes(records[at]!.value) as Kept
  const { task, erased } = kept
  if (!isOf(principal, kept) || !mayUse(principal, task, verb)) return null
  return erased === true ? 'erased' : deps.operations.get(task, ids[at]!)
}

export async function markErased(
  { deps }: Call,
  { app, incarnation }: AppPrincipal,
  { id, task }: OperationSnapshot,
): Promise<void> {
  const key = belongingKey(app, 'operation', id)
  const value = toJsonBytes({ task, incarnation, bytes: 0, erased: true } satisfies Kept)
  const expiresAt = deps.clock.wallMs() + MARK_MS
  await deps.engine.commit([{ changes: [{ do: 'put', key, value, expiresAt, aliases: [] }] }])
}

export interface AppQuery {
  readonly task: string | undefined
  readonly status: OperationStatus | undefined
  readonly group: string | undefined
  readonly after: string | null
  readonly limit: number
}

/** In order of their ids inside, which is that of their making. */
export async function listForApp({ deps }: Call, principal: AppPrincipal, query: AppQuery): Promise<OperationPage> {
  const { task, status, group, after, limit } = query
  if (group !== undefined && group !== principal.app) return { items: [], next: null }
  const isLiving = status === 'accepted' || status === 'running'
  const prefix = belongingPrefix(principal.app, isLiving ? 'living' : 'operation')
  const { items, next } = await deps.engine.list({ prefix, after, limit })
  const found: OperationSnapshot[] = []
  for (const { key, value } of items) {
    const kept = fromJsonBytes(value) as Kept
    if (!isOf(principal, kept) || kept.erased === true || (task !== undefined && kept.task !== task)) continue
    if (!mayUse(principal, kept.task, 'read')) continue
    const operation = await deps.operations.get(kept.task, key.slice(key.lastIndexOf('/') + 1))
    if (operation !== null && (status === undefined || operation.status === status)) found.push(operation)
  }
  return { items: found, next }
}

/** With the id as the one who asks knows it. */
export const asShown = ({ veil }: Call, operation: OperationSnapshot): OperationSnapshot => ({
  ...operation,
  id: veil.shownId(operation.id),
})

/** What one that had the name before has left may end after it. */
const isOf = ({ incarnation }: AppPrincipal, kept: Kept): boolean => kept.incarnation === incarnation

/** The note that an operation is an app's; nothing for the platform's. */
export function noteOf(principal: Principal): Readonly<Record<string, string>> {
  return principal.kind === 'platform' ? {} : { app: `${principal.app}:${principal.incarnation}` }
}

/** What works on an app's own queues is the app's own business. */
const mayUse = ({ scopes }: AppPrincipal, task: string, verb: 'read' | 'cancel'): boolean =>
  isOwnQueue(taskQueue(task)) || scopes.allows('task', verb, task)
