/**
 * The bundles in hand: those that are being made, and those that were looked at. What was changed is written by `flush`, before anybody looks for it in
 * the tables.
 */
import { attributesOf } from '../wire/content.ts'
import type { Statements } from '../driver/statements.ts'
import {
  Bundle,
  BUNDLE,
  BUNDLE_BYTES,
  BUNDLE_CONTENT,
  BUNDLE_OF_ID,
  BUNDLE_SIZE,
  DELETE_BUNDLE,
  DELETE_BUNDLE_CONTENT,
  INSERT_BUNDLE,
  INSERT_BUNDLE_CONTENT,
  LAST_BUNDLE_ID,
  READY_BUNDLE,
  READY_BUNDLE_OF_RANK,
  seqOf,
  UPDATE_BUNDLE,
} from './bundle.ts'
import { packContents, sizeIn } from './bundle-content.ts'
import { insertPlain, LAST_ID, SET_LEASED, type Plain } from './message.ts'
import type { Shared } from './shared.ts'

/** Bundles that are remembered, with their content. */
const REMEMBERED = 128

/** Messages of one fold, queue and rank that are still to be written. */
interface Open {
  readonly n: number
  readonly queue: number
  readonly rank: number
  readonly place: number
  readonly messages: Plain[]
  bytes: number
}

export class Bundles {
  readonly #statements: Statements
  readonly #readShared: (shared: number) => Uint8Array
  /** Fewer messages than so many get rows of their own. */
  readonly #least: number
  readonly #open = new Map<number, Open>()
  readonly #known = new Map<number, Bundle>()
  readonly #dirty = new Set<Bundle>()
  /** By queue: no message of it has a higher id. */
  readonly #lastIds = new Map<number, string>()

  constructor(statements: Statements, shared: Shared, least: number) {
    this.#statements = statements
    this.#readShared = (n) => shared.read(n)
    this.#least = least
  }

  /** Takes in a message that is ready, if its id is higher than any of its queue: its number. `begin` gives the number of a new bundle. */
  add(queue: number, rank: number, place: number, message: Plain, begin: () => number): number | null {
    if (message.id <= this.#lastId(queue)) return null
    this.#lastIds.set(queue, message.id)
    let open = this.#open.get(queue)
    if (open !== undefined && !hasRoom(open, rank, place, message)) {
      this.close(queue)
      open = undefined
    }
    if (open === undefined) this.#open.set(queue, (open = { n: begin(), queue, rank, place, messages: [], bytes: 0 }))
    open.bytes += sizeIn(message)
    return open.n * BUNDLE_SIZE + open.messages.push(message) - 1
  }

  /** A message of that id gets a row of its own. */
  note(queue: number, id: string): void {
    const last = this.#lastIds.get(queue)
    if (last !== undefined && last < id) this.#lastIds.set(queue, id)
  }

  /** What comes next stands behind all that came before. */
  close(queue: number): void {
    const open = this.#open.get(queue)
    if (open === undefined) return
    this.#open.delete(queue)
    if (open.messages.length < this.#least) {
      for (const [at, message] of open.messages.entries())
        insertPlain(this.#statements, { ...open, seq: open.n * BUNDLE_SIZE + at }, message)
    } else this.#store(open)
  }

  /** By a message's number: the bundle in which it is. */
  of(seq: number): Bundle | undefined {
    const n = Math.floor(seq / BUNDLE_SIZE)
    const bundle = this.#known.get(n) ?? this.#read(n)
    const at = seq % BUNDLE_SIZE
    return bundle === undefined || at >= bundle.size || bundle.isGone(at) ? undefined : bundle
  }

  /** Without asking the tables: whether it is in a bundle that is known. */
  knows(seq: number): boolean {
    return this.#known.has(Math.floor(seq / BUNDLE_SIZE))
  }

  get(n: number): Bundle {
    return this.#known.get(n) ?? this.#read(n)!
  }

  /** The number of the message with that id, if it is in a bundle. */
  find(queue: number, id: string): number | undefined {
    if (id > (this.#lastIds.get(queue) ?? '~')) return undefined
    this.flush()
    const row = this.#statements.of(BUNDLE_OF_ID).first(queue, id)
    if (row === undefined || (row[1] as string) < id) return undefined
    const bundle = this.load(this.get(row[0] as number))
    // Ids of a bundle are in order.
    let [low, high] = [0, bundle.size - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (bundle.content.idOf(middle) < id) low = middle + 1
      else high = middle
    }
    return bundle.content.idOf(low) === id && !bundle.isGone(low) ? bundle.n * BUNDLE_SIZE + low : undefined
  }

  /** Where the queue has ready messages in bundles: that with the first of them, of one rank if one is given. */
  firstReady(queue: number, rank: number | null = null): Bundle | undefined {
    this.flush()
    const row =
      rank === null
        ? this.#statements.of(READY_BUNDLE).first(queue)
        : this.#statements.of(READY_BUNDLE_OF_RANK).first(queue, rank)
    return row === undefined ? undefined : this.load(this.get(row[0] as number))
  }

  /** Those whose numbers a statement finds. */
  all(sql: string, ...values: readonly number[]): Bundle[] {
    this.flush()
    return this.#statements
      .of(sql)
      .all(...values)
      .map(([n]) => this.get(n as number))
  }

  /** With its content. */
  load(bundle: Bundle): Bundle {
    if (!bundle.isLoaded)
      bundle.load(this.#statements.of(BUNDLE_CONTENT).first(bundle.n)![0] as Uint8Array, this.#readShared)
    return bundle
  }

  /** Gives the message a row of its own, in the state in which it is. */
  takeOut(bundle: Bundle, at: number): void {
    const { content: contents } = this.load(bundle)
    const content = contents.of(at)
    const { id, report = null } = attributesOf(content)
    const seq = seqOf(bundle, at)
    const { queue, rank, place } = bundle
    insertPlain(
      this.#statements,
      { seq, queue, rank, place },
      { ...content, id, report, shared: contents.sharedOf(at) },
    )
    const run = bundle.runOf(at)
    if (run !== undefined) {
      const { until, owner, handout, process, from } = run
      this.#statements.of(SET_LEASED).run(until, owner, handout + at - from, process ? 1 : 0, seq)
    }
    this.change(bundle).leave(at)
  }

  change(bundle: Bundle): Bundle {
    this.#dirty.add(bundle)
    return bundle
  }

  flush(): void {
    this.#closeAll()
    if (this.#dirty.size > 0) {
      for (const bundle of this.#dirty) this.#write(bundle)
      this.#dirty.clear()
    }
  }

  /** At the end of a fold, when nobody has one in hand. */
  trim(): void {
    if (this.#known.size <= REMEMBERED) return
    let tooMany = this.#known.size - REMEMBERED
    for (const n of this.#known.keys()) {
      if (tooMany-- <= 0) return
      this.#known.delete(n)
    }
  }

  /** Forgets all: another process has written, or nothing of this fold holds. */
  clear(): void {
    this.#open.clear()
    this.#known.clear()
    this.#dirty.clear()
    this.#lastIds.clear()
  }

  #closeAll(): void {
    if (this.#open.size > 0) for (const queue of this.#open.keys()) this.close(queue)
  }

  #store({ n, queue, rank, place, messages }: Open): void {
    const size = messages.length
    const packed = packContents(messages)
    const gone = new Uint8Array(Math.ceil(size / 8))
    const row = [n, queue, rank, place, size, messages[0]!.id, messages.at(-1)!.id, 0, gone, '[]'] as const
    this.#statements.of(INSERT_BUNDLE).run(...row, null)
    this.#statements.of(INSERT_BUNDLE_CONTENT).run(n, packed)
    const bundle = new Bundle(row)
    bundle.load(packed, this.#readShared)
    this.#known.set(n, bundle)
  }

  #write(bundle: Bundle): void {
    if (bundle.left > 0) {
      this.#statements.of(UPDATE_BUNDLE).run(...bundle.state, bundle.n)
      return
    }
    this.#statements.of(DELETE_BUNDLE).run(bundle.n)
    this.#statements.of(DELETE_BUNDLE_CONTENT).run(bundle.n)
    this.#known.delete(bundle.n)
  }

  #read(n: number): Bundle | undefined {
    const row = this.#statements.of(BUNDLE).first(n)
    if (row === undefined) return undefined
    const bundle = new Bundle(row)
    this.#known.set(n, bundle)
    return bundle
  }

  #lastId(queue: number): string {
    let last = this.#lastIds.get(queue)
    if (last === undefined) {
      const of = (sql: string): string => (this.#statements.of(sql).first(queue)![0] as string | null) ?? ''
      const [alone, bundled] = [of(LAST_ID), of(LAST_BUNDLE_ID)]
      this.#lastIds.set(queue, (last = alone > bundled ? alone : bundled))
    }
    return last
  }
}

function hasRoom(open: Open, rank: number, place: number, message: Plain): boolean {
  return (
    open.rank === rank &&
    open.place === place &&
    open.messages.length < BUNDLE_SIZE &&
    open.bytes + sizeIn(message) <= BUNDLE_BYTES
  )
}
