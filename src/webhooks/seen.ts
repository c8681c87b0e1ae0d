/** The ids of what has been stored already. An id is added after its event was stored, never before: a crash in between costs a double. */
import { machineClock } from './clock.ts'

export interface Seen {
  has(id: string): boolean | Promise<boolean>
  add(id: string): void | Promise<void>
}

export interface RecentIdsOptions {
  /** The oldest are forgotten first. Default: 10,000. */
  readonly limit?: number | undefined
  /** Default: a day. */
  readonly windowMs?: number | undefined
  readonly now?: (() => number) | undefined
}

/** In memory: spares the work of a double that comes soon, and forgets all with the process. What must not be doubled needs a store. */
export function recentIds(options: RecentIdsOptions = {}): Seen {
  const { limit = 10_000, windowMs = 86_400_000, now = machineClock.now } = options
  const ids = new Map<string, number>()
  const forget = (): void => {
    for (const [id, at] of ids) {
      if (ids.size <= limit && now() - at < windowMs) return
      ids.delete(id)
    }
  }
  return {
    has: (id) => {
      forget()
      return ids.has(id)
    },
    add: (id) => {
      ids.delete(id)
      ids.set(id, now())
      forget()
    },
  }
}
