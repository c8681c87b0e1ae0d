/**
 * A unit of work: one transaction with the rows it has in hand. Decisions change the rows in memory, after they were loaded under the
 * schema's lock; what has changed is written in a few statements at the end. Whoever has no such lock must not decide.
 */
import { createIds, type Ids } from '../../../core/id.ts'
import { DEFAULT_QUEUE, type QueueSettings } from '../../../core/settings.ts'
import type { Answer, Connection } from '../connection/driver.ts'
import type { Notice } from '../hint/hint.ts'
import type { EngineLimits } from '../session/limit.ts'
import type { Statements } from '../sql/statement.ts'
import {
  DEAD,
  type Bound,
  type Kept,
  type Queue,
  type Record,
  type Row,
  type Tally,
  type Topic,
  type RefusedArrival,
} from '../row/row.ts'
import { toQueue, toRecords, toRow } from './read-row.ts'
import type { KnownTopics, Learnt } from './known-topics.ts'
import type { Dedupe, Remembered } from './in-hand.ts'
import { Lines } from './lines.ts'
import { readTopics } from './read-topics.ts'
import { Undo } from './undo.ts'

/** Numbers that one draw reserves; as the sequence says. */
export const BLOCK = 4096

export interface WorkParts {
  readonly connection: Connection
  readonly statements: Statements
  readonly limits: EngineLimits
  readonly process: number
  readonly knownTopics: KnownTopics
}

export const NO_TALLY: Tally = { living: 0, bytes: 0, acked: 0, expired: 0, cancelled: 0, discarded: 0 }

export class Work {
  readonly limits: EngineLimits
  readonly process: number
  readonly undo: Undo = new Undo()
  /** Engine time and wall time of what is being decided; a sweep sets them to when it fell due. */
  now = 0
  wall = 0
  readonly queues: Map<string, Queue | null> = new Map()
  readonly queuesByNumber: Map<number, Queue> = new Map()
  readonly rows: Map<string, Row | null> = new Map()
  /** Rows whose id was taken by another since. */
  readonly replaced: Row[] = []
  readonly lines: Lines = new Lines(this)
  readonly records: Map<string, Record> = new Map()
  readonly dedupes: Map<string, Dedupe | null> = new Map()
  /** Dedupe texts that this unit of work is the first to use. */
  readonly freshDedupes: Set<string> = new Set()
  readonly remembered: Map<string, Remembered | null> = new Map()
  /** Commit ids that this unit of work remembers. */
  readonly freshRemembered: Set<string> = new Set()
  readonly topics: Map<string, Topic> = new Map()
  /** Subscriptions that have ended. */
  readonly goneBounds: Bound[] = []
  /** Queues whose subscription may have room again. */
  readonly touched: Set<Queue> = new Set()
  readonly hints: Notice[] = []
  /** Arrivals that were decided, and those that could not be, with why. */
  readonly seated: number[] = []
  readonly unseated: RefusedArrival[] = []
  /** What was read of topics; to be kept once the transaction has committed. */
  readonly learnt: Learnt[] = []
  readonly knownTopics: KnownTopics
  readonly #connection: Connection
  readonly #statements: Statements
  readonly #ids: Ids
  #serial = 0
  #serialEnd = 0

  constructor({ connection, statements, limits, process, knownTopics }: WorkParts) {
    this.knownTopics = knownTopics
    this.#connection = connection
    this.#statements = statements
    this.limits = limits
    this.process = process
    this.#ids = createIds({ wallMs: () => this.wall })
  }

  query(name: string, values: readonly unknown[] = []): Promise<Answer> {
    return this.#connection.query(this.#statements.get(name), values)
  }

  uuid(): string {
    return this.#ids.uuid()
  }

  /** @param start the first of a block that was drawn with the lock */
  startSerials(start: number): void {
    this.#serial = start
    this.#serialEnd = start + BLOCK
  }

  /** The next number that was never used. Drawn before it is needed, by `reserve`. */
  serial(): number {
    if (this.#serial >= this.#serialEnd) throw new RangeError('no serial was reserved')
    return this.#serial++
  }

  /** Makes sure that the next so many serials are there. */
  async reserve(count: number): Promise<void> {
    if (this.#serialEnd - this.#serial >= count) return
    const { rows } = await this.query('draw')
    this.startSerials(rows[0]!.serial as number)
  }

  async queue(name: string): Promise<Queue | null> {
    const known = this.queues.get(name)
    if (known !== undefined) return known === null || known.isGone ? null : known
    const { rows } = await this.query('load-queues', [[name], []])
    return this.adoptQueues(rows)[0] ?? this.#noQueue(name)
  }

  async queueOf(number: number): Promise<Queue | null> {
    const known = this.queuesByNumber.get(number)
    if (known !== undefined) return known
    const { rows } = await this.query('load-queues', [[], [number]])
    return this.adoptQueues(rows)[0] ?? null
  }

  adoptQueues(rows: Answer['rows']): Queue[] {
    return rows.map((columns) => {
      const known = this.queuesByNumber.get(columns.queue as number)
      if (known !== undefined) return known
      const queue = toQueue(columns)
      this.queues.set(queue.name, queue)
      this.queuesByNumber.set(queue.number, queue)
      return queue
    })
  }

  /** The queue of that name, which is created where there is none. */
  async makeQueue(name: string, settings: QueueSettings = DEFAULT_QUEUE): Promise<Queue> {
    const known = await this.queue(name)
    if (known !== null) return known
    const { rows } = await this.query('draw-queue')
    const queue: Queue = {
      number: rows[0]!.queue as number,
      name,
      settings,
      isUnbound: false,
      lineBy: 'key',
      isLagging: false,
      usedAt: this.now,
      houseAt: null,
      isNew: true,
      isGone: false,
      isDirty: true,
      tally: { ...NO_TALLY },
      counted: { ...NO_TALLY },
      keeps: { dead: 0, ended: 0 },
      kept: { dead: 0, ended: 0 },
      isFuller: false,
    }
    this.undo.put(this.queues, name, queue)
    this.undo.put(this.queuesByNumber, queue.number, queue)
    return queue
  }

  async row(queue: Queue, id: string): Promise<Row | null> {
    const key = rowKey(queue, id)
    const known = this.rows.get(key)
    if (known !== undefined) return known === null || known.isGone ? null : known
    if (queue.isNew) return null
    await this.loadRows([{ queue, id }])
    return this.rows.get(key) ?? null
  }

  /** What is not found is known not to be there. */
  async loadRows(wanted: readonly { readonly queue: Queue; readonly id: string }[]): Promise<void> {
    const columns = [wanted.map(({ queue }) => queue.number), wanted.map(({ id }) => id)]
    const [living, past] = await Promise.all([this.query('load-messages', columns), this.query('load-past', columns)])
    this.adoptRows(living.rows, 'message')
    this.adoptRows(past.rows, 'past')
    for (const { queue, id } of wanted) if (!this.rows.has(rowKey(queue, id))) this.rows.set(rowKey(queue, id), null)
  }

  /** Takes rows in hand, but for those that it has already. Their queues must be in hand. */
  adoptRows(rows: Answer['rows'], origin: 'message' | 'past'): Row[] {
    return rows.flatMap((columns) => {
      const queue = this.queuesByNumber.get(columns.queue as number)
      if (queue === undefined) return []
      const key = rowKey(queue, columns.id as string)
      const known = this.rows.get(key)
      if (known !== undefined && known !== null) return [known]
      const row = toRow(columns, queue, origin)
      this.rows.set(key, row)
      this.#enlist(row)
      return [row]
    })
  }

  addRow(row: Row): void {
    const key = rowKey(row.queue, row.id)
    const before = this.rows.get(key)
    if (before) this.undo.push(this.replaced, before)
    this.undo.put(this.rows, key, row)
    if (row.line !== null) this.undo.add(this.lines.of(row.queue, row.line).rows, row)
  }

  async record(key: string): Promise<Record> {
    const known = this.records.get(key)
    if (known !== undefined) return known
    this.adoptRecords((await this.query('load-records', [[key]])).rows)
    return this.lackRecord(key)
  }

  /** There is none of that key, unless it is in hand. */
  lackRecord(key: string): Record {
    const known = this.records.get(key)
    if (known !== undefined) return known
    const none = { key, version: 0, expires: null, value: new Uint8Array(), aliases: [], isThere: false }
    const record: Record = { ...none, isStored: false, isDirty: false }
    this.records.set(key, record)
    return record
  }

  adoptRecords(rows: Answer['rows']): void {
    for (const record of toRecords(rows)) if (!this.records.has(record.key)) this.records.set(record.key, record)
  }

  async dedupe(scope: string, text: string): Promise<Dedupe | null> {
    const key = `${scope} ${text}`
    if (!this.dedupes.has(key)) this.adoptDedupes((await this.query('load-dedupes', [[scope], [text]])).rows)
    if (!this.dedupes.has(key)) this.dedupes.set(key, null)
    const known = this.dedupes.get(key) ?? null
    return known === null || known.until <= this.now ? null : known
  }

  adoptDedupes(rows: Answer['rows']): void {
    for (const { scope, text, until, id } of rows as unknown as readonly Dedupe[]) {
      const key = `${scope} ${text}`
      if (!this.dedupes.has(key)) this.dedupes.set(key, { scope, text, until, id, isStored: true })
    }
  }

  async topic(name: string): Promise<Topic> {
    const known = this.topics.get(name)
    if (known !== undefined) return known
    await readTopics(this, [name])
    return this.topics.get(name)!
  }

  /** What is in the queue and counts against its limit. */
  async living(queue: Queue): Promise<{ readonly messages: number; readonly bytes: number }> {
    if (queue.counted === null) this.adoptTallies((await this.query('load-tallies', [[queue.number]])).rows)
    queue.counted ??= { ...NO_TALLY }
    return { messages: queue.counted.living + queue.tally.living, bytes: queue.counted.bytes + queue.tally.bytes }
  }

  adoptTallies(rows: Answer['rows']): void {
    for (const { queue: number, ...tally } of rows) {
      const queue = this.queuesByNumber.get(number as number)
      if (queue !== undefined) queue.counted ??= tally as unknown as Tally
    }
  }

  count(queue: Queue, change: Partial<Tally>): void {
    const tally = { ...queue.tally }
    for (const [name, by] of Object.entries(change)) tally[name as keyof Tally] += by
    this.undo.note(queue, { tally })
  }

  /** How many dead and ended messages the queue keeps. */
  async kept(queue: Queue): Promise<Kept> {
    if (queue.kept === null) {
      const { rows } = await this.query('count-past', [queue.number])
      const count = (isDead: boolean): number => (rows.find((each) => each.is_dead === isDead)?.count as number) ?? 0
      queue.kept = { dead: count(true), ended: count(false) }
    }
    return { dead: queue.kept.dead + queue.keeps.dead, ended: queue.kept.ended + queue.keeps.ended }
  }

  keep(queue: Queue, kind: keyof Kept, by: 1 | -1): void {
    this.undo.note(queue, { keeps: { ...queue.keeps, [kind]: queue.keeps[kind] + by }, isFuller: true })
  }

  #enlist(row: Row): void {
    if (row.line !== null && row.state < DEAD) this.lines.of(row.queue, row.line).rows.add(row)
  }

  #noQueue(name: string): null {
    this.queues.set(name, null)
    return null
  }
}

export const rowKey = (queue: Queue, id: string): string => `${queue.number} ${id}`
