/**
 * What changed of the endpoints, for who delivers: one record that every change puts, to be watched, and one for each change, in order of time, so
 * that a change costs each process the reading of what changed, however many endpoints there are.
 */
import type { Clock } from '../../core/clock.ts'
import type { Change, Engine, Page, Version } from '../../core/engine.ts'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import type { StoredRecord } from '../../core/record.ts'

/** Put with every change of an endpoint, and of an app that holds some: who delivers watches it. */
export const CHANGED_KEY = 'system/endpoint-changed'
const PREFIX = 'system/endpoint-change/'
/** How long a change can be read. */
const KEPT_MS = 600_000
/** How far the clocks of processes may be apart, a commit under way included: beyond it a change may be hidden behind another. */
const MARGIN_MS = 30_000
const PAGE = 500
/** Changes of so short a time that to read all costs less than to read them again and again. */
const MOST = 1_000
/** A process that would read this many one by one sooner reads all. */
const MOST_IDS = 200
const TIME_DIGITS = 9

/** What is stored of a change. */
export interface Noted {
  /** null: all may have changed. */
  readonly id: string | null
  readonly at: number
}

/** For the commit of a change of this endpoint; null: of what many hang on. */
export function changeOf(id: string | null, clock: Clock): readonly Change[] {
  const noted: Noted = { id, at: Math.floor(clock.wallMs()) }
  const value = toJsonBytes(noted)
  return [
    { do: 'put', key: CHANGED_KEY, value },
    { do: 'put', key: keyOf(noted), value, expiresAt: noted.at + KEPT_MS },
  ]
}

const keyAt = (at: number): string => PREFIX + Math.max(0, Math.floor(at)).toString(36).padStart(TIME_DIGITS, '0')
const keyOf = ({ id, at }: Noted): string => `${keyAt(at)}-${id ?? ''}`

export class ChangeFeed {
  readonly #engine: Pick<Engine, 'list'>
  readonly #clock: Clock
  /** Of those that come again with the next reading. */
  #seen = new Map<string, Version>()
  #readAt: number

  constructor({ engine, clock }: { readonly engine: Pick<Engine, 'list'>; readonly clock: Clock }) {
    this.#engine = engine
    this.#clock = clock
    this.#readAt = clock.wallMs()
  }

  /**
   * The ids of those that changed since it was asked before, or since it was made; each is told once. 'all' where that is too many, or cannot be
   * told. Of a process whose clock is far off it may miss what another changed a moment later than that: who asks reads all now and then.
   */
  async read(last: StoredRecord): Promise<readonly string[] | 'all'> {
    const now = this.#clock.wallMs()
    const readAt = this.#readAt
    const seen = new Map<string, Version>()
    const ids = new Set<string>()
    let isTold = now - readAt < KEPT_MS - MARGIN_MS
    let after: string | null = keyAt(Math.min(now, readAt) - MARGIN_MS)
    while (after !== null && seen.size < MOST) {
      const page: Page<StoredRecord> = await this.#engine.list({ prefix: PREFIX, after, limit: PAGE })
      for (const { key, version, value } of page.items) {
        seen.set(key, version)
        if (this.#seen.get(key) === version) continue
        const { id } = fromJsonBytes(value) as Noted
        if (id === null) isTold = false
        else ids.add(id)
      }
      after = page.next
    }
    this.#seen = seen
    this.#readAt = now
    // Where the last is not among them its clock is far off, and others of that clock may be missing as well.
    const isWhole = after === null && seen.has(keyOf(fromJsonBytes(last.value) as Noted))
    return isTold && isWhole && ids.size <= MOST_IDS ? [...ids] : 'all'
  }
}
