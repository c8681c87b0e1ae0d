/** Takes back what was handed out and nobody was told of: it is ready again, as if it had not been. */
import type { Notice } from '../hint/hint.ts'
import type { Floor } from '../session/floor.ts'
import type { Query, Session } from '../session/session.ts'
import type { LeaseNumber } from './lease-numbers.ts'

export interface TakeBackParts {
  readonly session: Session
  readonly floor: Floor
  readonly hint: (notices: readonly Notice[]) => void
}

/** By the number of its queue. */
export interface HandedOut {
  readonly queue: number
  readonly id: string
}

/**
 * Resolves when they are ready again, or never will be: what cannot be taken back lapses.
 * @param given null: all that was handed out under the number, if it was, and on the server that gave the number
 * @param queues all of which they may be
 */
export type TakeBack = (
  lease: LeaseNumber,
  given: readonly HandedOut[] | null,
  queues: readonly string[],
) => Promise<void>

export function takingBack({ session, floor, hint }: TakeBackParts): TakeBack {
  return async (lease, given, queues) => {
    let tries = 0
    const taken = session.burst(async (query, _last, server) => {
      tries++
      if (given === null && lease.server !== null && lease.server !== server) return 0
      const { now } = await session.now(query)
      const some = given ?? (await findHandedOut(query, lease.number, now))
      return some.length === 0 ? 0 : takeBack(query, lease.number, some, now)
    })
    const count = await taken.catch(() => null)
    // Where its own answer was lost, it may have been done before.
    if (count === 0 && tries === 1) return
    floor.drop()
    hint(queues.map((queue) => ({ queue })))
  }
}

/** In a burst of somebody else's: how many were. */
export async function takeBack(query: Query, lease: number, some: readonly HandedOut[], now: number): Promise<number> {
  const columns = [some.map(({ queue }) => queue), some.map(({ id }) => id)]
  return (await query('take-back', [lease, ...columns, now])).rows[0]!.count as number
}

async function findHandedOut(query: Query, lease: number, now: number): Promise<readonly HandedOut[]> {
  const { rows } = await query('find-lease', [lease, now])
  return rows.map(({ queue, id }) => ({ queue: queue as number, id: id as string }))
}
