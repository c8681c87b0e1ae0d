/** A queue as deciders see it: settings and counts. Read once, kept as long as no other process writes, and written at the end of a fold. */
import type { QueueSettings } from '../../../core/settings.ts'
import type { Row } from '../driver/driver.ts'
import type { Statements } from '../driver/statements.ts'
import { ACKED, CANCELLED, DEAD, DELAYED, DISCARDED, EXPIRED, HELD, LEASED, READY } from './message.ts'

/** The queue of an ended subscription goes after so long, as ended messages do. */
const UNBOUND_EXPIRY_MS = 3_600_000

const COLUMNS =
  'id, name, settings, version, unbound, used_at, due, wall_due, ready, held, delayed, leased, dead, kept, bytes, acked, expired, cancelled, discarded'
export const QUEUE_BY_NAME: string = `select ${COLUMNS} from queue where name = ?`
export const QUEUE_BY_ID: string = `select ${COLUMNS} from queue where id = ?`
export const ALL_QUEUES: string = `select ${COLUMNS} from queue order by id`
export const NEXT_QUEUE_DUE = 'select due, id from queue where due is not null order by due limit 1'
export const NEXT_QUEUE_WALL_DUE = 'select wall_due, id from queue where wall_due is not null order by wall_due limit 1'
export const COUNT_QUEUES = 'select count(*) from queue'
const INSERT =
  'insert into queue (name, settings, version, unbound, used_at, ready, held, delayed, leased, dead, kept, bytes, acked, expired, cancelled, discarded) values (?, ?, 0, 0, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) returning id'
const UPDATE =
  'update queue set settings = ?, version = ?, unbound = ?, used_at = ?, due = ?, wall_due = ?, ready = ?, held = ?, delayed = ?, leased = ?, dead = ?, kept = ?, bytes = ?, acked = ?, expired = ?, cancelled = ?, discarded = ? where id = ?'
export const DELETE_QUEUE = 'delete from queue where id = ?'

export class Queue {
  readonly id: number
  readonly name: string
  settings: QueueSettings
  version: number
  unbound: boolean
  usedAt: number
  /** Not later than when time next decides something about it, on either clock; null: never. */
  due: number | null
  wallDue: number | null
  /** Messages by state; those that ended and are kept together under ACKED. */
  readonly counts: number[]
  bytes: number
  /** Endings since the queue began, by state. */
  readonly totals: number[]
  isDirty = false
  /** Something happened that may bring what is kept beyond its bounds, or make room for a subscription. */
  isTouched = false

  constructor(row: Row) {
    const [id, name, settings, version, unbound, usedAt, due, wallDue] = row
    const [ready, held, delayed, leased, dead, kept, bytes, acked, expired, cancelled, discarded] = row.slice(
      8,
    ) as number[]
    this.id = id as number
    this.name = name as string
    this.settings = JSON.parse(settings as string) as QueueSettings
    this.version = version as number
    this.unbound = unbound === 1
    this.usedAt = usedAt as number
    this.due = due as number | null
    this.wallDue = wallDue as number | null
    this.counts = [0, 0, ready!, held!, delayed!, leased!, dead!, kept!]
    this.bytes = bytes!
    this.totals = [0, 0, 0, 0, 0, 0, 0, acked!, expired!, cancelled!, discarded!]
  }

  static insert(statements: Statements, name: string, settings: QueueSettings, now: number): Queue {
    const text = JSON.stringify(settings)
    const [id] = statements.of(INSERT).first(name, text, now)!
    return new Queue([id!, name, text, 0, 0, now, null, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  }

  write(statements: Statements): void {
    const { counts, totals } = this
    statements
      .of(UPDATE)
      .run(
        JSON.stringify(this.settings),
        this.version,
        this.unbound ? 1 : 0,
        this.usedAt,
        this.due,
        this.wallDue,
        counts[READY]!,
        counts[HELD]!,
        counts[DELAYED]!,
        counts[LEASED]!,
        counts[DEAD]!,
        counts[ACKED]!,
        this.bytes,
        totals[ACKED]!,
        totals[EXPIRED]!,
        totals[CANCELLED]!,
        totals[DISCARDED]!,
        this.id,
      )
    this.isDirty = false
  }

  /** A message, or several, of so many bytes together, are in this state from now on. */
  enter(state: number, bytes: number, count = 1): void {
    this.counts[Math.min(state, ACKED)]! += count
    if (state <= LEASED) this.bytes += bytes
  }

  leave(state: number, bytes: number, count = 1): void {
    this.counts[Math.min(state, ACKED)]! -= count
    if (state <= LEASED) this.bytes -= bytes
  }

  /** Messages that wait or are leased: what limits count. */
  get living(): number {
    const { counts } = this
    return counts[READY]! + counts[HELD]! + counts[DELAYED]! + counts[LEASED]!
  }

  get kept(): number {
    return this.counts[ACKED]!
  }

  get isEmpty(): boolean {
    return this.living === 0 && this.counts[DEAD] === 0
  }

  get idleExpiryMs(): number | null {
    return this.unbound ? UNBOUND_EXPIRY_MS : this.settings.idleExpiryMs
  }

  /** Whether one more of so many bytes is beyond the limit. */
  isFull(bytes: number): boolean {
    const { limit } = this.settings
    return (
      (limit.messages !== null && this.living + 1 > limit.messages) ||
      (limit.bytes !== null && this.bytes + bytes > limit.bytes)
    )
  }

  isBelowHalf(): boolean {
    const { limit } = this.settings
    return (
      (limit.messages === null || this.living * 2 < limit.messages) &&
      (limit.bytes === null || this.bytes * 2 < limit.bytes)
    )
  }

  /** What a refused commit goes back to. */
  copy(): () => void {
    const { settings, version, unbound, usedAt, due, wallDue, bytes, isDirty } = this
    const counts = [...this.counts]
    const totals = [...this.totals]
    return () => {
      Object.assign(this, { settings, version, unbound, usedAt, due, wallDue, bytes, isDirty })
      counts.forEach((count, at) => (this.counts[at] = count))
      totals.forEach((total, at) => (this.totals[at] = total))
    }
  }
}
