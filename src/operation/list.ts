/**
 * Lists operations: first those that live, task by task and state by state in order of arrival, read from their messages; then
 * those that have ended, in order of their ids, read from their records. One that ended without a handler is listed as soon as
 * its report is handled.
 */
import type { Engine } from '../core/engine.ts'
import { PosthornError } from '../core/error.ts'
import { WAITING_STATES, type State } from '../core/message.ts'
import { ALIASES, taskOfQueue, taskQueue } from './address.ts'
import type { OperationStatus } from './operation.ts'
import { fromRecord, isAlive, isDone, toSnapshot, type OperationSnapshot } from './snapshot.ts'

export interface OperationQuery {
  readonly task?: string | undefined
  readonly status?: OperationStatus | undefined
  readonly group?: string | undefined
  /** A page's `next`. */
  readonly after: string | null
  readonly limit: number
}

/** May be empty and still have `next`. */
export interface OperationPage {
  readonly items: readonly OperationSnapshot[]
  readonly next: string | null
}

/** A stretch of the list. Its name sorts as the stretches follow each other, so that a cursor stands when queues come and go. */
interface Stretch {
  readonly name: string
  page(after: string | null, limit: number): Promise<OperationPage>
}

const STEPS = 20

export async function listOperations(engine: Engine, query: OperationQuery): Promise<OperationPage> {
  const stretches = [...(await living(engine, query)), ...ended(engine, query)]
  let [name, after] = parseCursor(query.after)
  const items: OperationSnapshot[] = []
  for (let step = 0; step < STEPS && items.length < query.limit; step++) {
    const stretch = stretches.find((each) => each.name >= name)
    if (stretch === undefined) return { items, next: null }
    const page = await stretch.page(stretch.name === name ? after : null, query.limit - items.length)
    items.push(...page.items)
    // '!' sorts right after the name itself and before every longer one.
    ;[name, after] = page.next === null ? [`${stretch.name}!`, null] : [stretch.name, page.next]
  }
  return { items, next: stretches.some((each) => each.name >= name) ? toCursor(name, after) : null }
}

async function living(engine: Engine, { task, status, group }: OperationQuery): Promise<Stretch[]> {
  const states: readonly State[] =
    status === undefined
      ? [...WAITING_STATES, 'leased']
      : status === 'accepted'
        ? WAITING_STATES
        : status === 'running'
          ? ['leased']
          : []
  if (states.length === 0) return []
  const depths = await engine.depth(task === undefined ? 'all' : [taskQueue(task)])
  return depths
    .filter(({ queue }) => taskOfQueue(queue) !== null)
    .sort((a, b) => (a.queue < b.queue ? -1 : 1))
    .flatMap((depth) =>
      states
        .filter((state) => depth[state as 'ready'] > 0)
        .map((state) => ({
          name: `0 ${depth.queue} ${states.indexOf(state)}`,
          async page(after: string | null, limit: number) {
            const { items, next } = await engine.browse({
              queue: depth.queue,
              state,
              after,
              limit,
              ...(group === undefined ? {} : { match: { group } }),
            })
            return { items: items.map((stored) => toSnapshot(stored, null)!), next }
          },
        })),
    )
}

function ended(engine: Engine, { task, status, group }: OperationQuery): Stretch[] {
  if (status === 'accepted' || status === 'running') return []
  const prefix =
    task === undefined ? 'operation/' : status === undefined ? `${ALIASES}${task}/` : `${ALIASES}${task}/${status}/`
  const isWanted = (operation: OperationSnapshot) =>
    isDone(operation) &&
    (status === undefined || operation.status === status) &&
    (group === undefined || operation.group === group)
  return [
    {
      name: '1',
      async page(after, limit) {
        const { items, next } = await engine.list({ prefix, after, limit })
        const operations = items.flatMap((record) => {
          const kept = fromRecord(record)
          return 'erased' in kept
            ? []
            : [{ ...kept, ...(record.expiresAt === null ? {} : { expiresAt: record.expiresAt }) }]
        })
        return { items: await withoutRedriven(engine, operations.filter(isWanted)), next }
      },
    },
  ]
}

/** A failed one whose dead letter was redriven lives again, and is listed as such. */
async function withoutRedriven(
  engine: Engine,
  operations: readonly OperationSnapshot[],
): Promise<readonly OperationSnapshot[]> {
  const failed = operations.filter(({ status }) => status === 'failed')
  if (failed.length === 0) return operations
  const found = await engine.find(failed.map(({ task, id }) => ({ queue: taskQueue(task), id })))
  const alive = new Set(found.flatMap((stored) => (stored !== null && isAlive(stored) ? [stored.id] : [])))
  return operations.filter(({ id }) => !alive.has(id))
}

const toCursor = (name: string, after: string | null): string =>
  Buffer.from(JSON.stringify([name, after])).toString('base64url')

function parseCursor(cursor: string | null): [name: string, after: string | null] {
  if (cursor === null) return ['', null]
  try {
    const parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown
    if (Array.isArray(parsed) && typeof parsed[0] === 'string' && (typeof parsed[1] === 'string' || parsed[1] === null))
      return [parsed[0], parsed[1]]
  } catch {
    // Falls through to the one error.
  }
  throw new PosthornError('invalid', `after is ${JSON.stringify(cursor)}: it must be the next of a page of this list`, {
    details: { field: 'after', value: cursor },
  })
}
