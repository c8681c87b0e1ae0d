/** What a decision has at hand: the tables, what of them is kept in memory, and the moment at which it is taken. */
import type { Ids } from '../../core/id.ts'
import type { When } from '../../core/message.ts'
import { DEFAULT_QUEUE, type QueueSettings } from '../../core/settings.ts'
import type { EngineLimits } from '../sql/limit.ts'
import type { Statements } from './driver/statements.ts'
import { BUNDLE_SIZE, type Bundle } from './state/bundle.ts'
import { Bundles } from './state/bundles.ts'
import { INLINE_BYTES, MESSAGE_BY_SEQ, toStanding, type Standing } from './state/message.ts'
import type { Numbers } from './state/meta.ts'
import { Notices } from './state/notices.ts'
import type { Queue } from './state/queue.ts'
import { Queues } from './state/queues.ts'
import { Shared } from './state/shared.ts'
import { Topics } from './state/topics.ts'
import { Trail } from './state/trail.ts'

export interface Thresholds {
  /** Fewer messages than so many get rows of their own: a bundle costs as much as some of them. */
  readonly leastBundled: number
  /** Copies of an event's content that have no more than so many bytes together are cheaper than looking after one that is shared. */
  readonly copiedBytes: number
}

const THRESHOLDS: Thresholds = { leastBundled: 4, copiedBytes: INLINE_BYTES }

export class Desk {
  readonly statements: Statements
  readonly limits: EngineLimits
  readonly ids: Ids
  readonly copiedBytes: number
  readonly queues: Queues
  readonly topics: Topics
  readonly bundles: Bundles
  readonly shared: Shared
  readonly trail: Trail
  /** A sentence on why nothing new may be stored; null where it may. */
  room: () => string | null = () => null
  readonly notices: Notices = new Notices()
  /** Of this opening: part of every token that it gives. */
  owner = 0
  handout = 0
  numbers!: Numbers
  /** The numbers are to be written. */
  /** A decision made something due at this very moment: time decides it before the next. */
  isOverdue = false
  isDirty = false
  /** Engine time: never steps, never goes back. */
  now = 0
  wall = 0
  /** Bodies that came with the calls. */
  bytes: Uint8Array = new Uint8Array(0)

  constructor(
    statements: Statements,
    limits: EngineLimits,
    ids: (wallMs: () => number) => Ids,
    thresholds: Thresholds = THRESHOLDS,
  ) {
    this.statements = statements
    this.limits = limits
    this.copiedBytes = thresholds.copiedBytes
    this.shared = new Shared(statements)
    this.bundles = new Bundles(statements, this.shared, thresholds.leastBundled)
    this.ids = ids(() => this.wall)
    this.queues = new Queues(statements)
    this.topics = new Topics(statements)
    this.trail = new Trail(statements)
  }

  run(sql: string, ...values: readonly (string | number | null | Uint8Array)[]): number {
    return this.statements.of(sql).run(...values)
  }

  /** The message as a row, which one that was in a bundle gets here: whoever asks is about to change it. */
  message(seq: number): Standing | undefined {
    const known = this.bundles.knows(seq) ? undefined : this.#row(seq)
    if (known !== undefined) return known
    const bundle = this.bundles.of(seq)
    if (bundle !== undefined) this.unbundle(bundle, seq % BUNDLE_SIZE)
    return this.#row(seq)
  }

  unbundle(bundle: Bundle, at: number): void {
    this.bundles.takeOut(bundle, at)
    this.isDirty = true
  }

  #row(seq: number): Standing | undefined {
    const row = this.statements.of(MESSAGE_BY_SEQ).first(seq)
    return row === undefined ? undefined : toStanding(row)
  }

  /** The queue of that name, which is created where there is none. */
  queue(name: string, settings: QueueSettings = DEFAULT_QUEUE): Queue {
    const known = this.queues.find(name)
    if (known !== undefined) return known
    this.isDirty = true
    return this.queues.create(name, this.now, settings)
  }

  nextSeq(): number {
    this.isDirty = true
    return ++this.numbers.seq
  }

  /** Numbers for a whole bundle: that of the bundle. */
  nextBundle(): number {
    const n = Math.floor(this.numbers.seq / BUNDLE_SIZE) + 1
    this.isDirty = true
    this.numbers.seq = n * BUNDLE_SIZE + BUNDLE_SIZE - 1
    return n
  }

  nextTurn(): number {
    this.isDirty = true
    return ++this.numbers.turn
  }

  nextVersion(): number {
    this.isDirty = true
    return ++this.numbers.version
  }

  /** Somebody used the queue: it is written down only where that decides when the queue goes. */
  use(queue: Queue): void {
    const { idleExpiryMs } = queue
    if (idleExpiryMs === null || queue.usedAt === this.now) return
    this.queues.change(queue).usedAt = this.now
    this.lowerDue(queue, this.now + idleExpiryMs)
  }

  /** Time decides something about the queue then, or before. */
  lowerDue(queue: Queue, at: number): void {
    this.isOverdue ||= at <= this.now
    if (queue.due === null || at < queue.due) this.queues.change(queue).due = at
  }

  lowerWallDue(queue: Queue, at: number): void {
    this.isOverdue ||= at <= this.wall
    if (queue.wallDue === null || at < queue.wallDue) this.queues.change(queue).wallDue = at
  }

  /** Queues, topics or subscriptions changed: other processes must read them anew. */
  settingsChanged(): void {
    this.isDirty = true
    this.numbers.settings++
  }

  isPast(when: When): boolean {
    return 'at' in when ? when.at <= this.wall : when.afterMs <= 0
  }

  /** From here on a commit may be refused: what is in memory can be taken back to as it is now. */
  hold(): () => void {
    const numbers = { ...this.numbers }
    this.topics.flush()
    this.bundles.flush()
    this.shared.flush()
    this.queues.hold()
    this.notices.hold()
    return () => {
      // Numbers that were given may be left out; counts and settings go back.
      const { seq, turn, version, position } = this.numbers
      this.numbers = { ...numbers, seq, turn, version, position }
      this.queues.restore()
      this.notices.restore()
      this.topics.clear()
      this.bundles.clear()
      this.shared.clear()
    }
  }

  keep(): void {
    this.queues.keep()
  }
}

export const toVersion = (version: number): string => version.toString(36)
