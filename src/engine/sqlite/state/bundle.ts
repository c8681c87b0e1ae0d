/**
 * Messages of one queue that were sent together, kept as one row as long as nothing else happens to each of them than that it is handed out, in order,
 * and acked. Whatever else is to happen to one takes it out of its bundle and gives it a row of its own (see decide/unbundle.ts).
 */
import type { Row } from '../driver/driver.ts'
import { BundleContent, type Stretch } from './bundle-content.ts'

/** Numbers of a bundle's messages are its own times this, and what follows. */
export const BUNDLE_SIZE = 256
/** Content of a bundle together. */
export const BUNDLE_BYTES = 262_144

const COLUMNS = 'n, queue, rank, place, size, first_id, last_id, next, gone, runs'
export const BUNDLE: string = `select ${COLUMNS} from bundle where n = ?`
export const INSERT_BUNDLE: string = `insert into bundle (${COLUMNS}, due) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
export const UPDATE_BUNDLE = 'update bundle set next = ?, gone = ?, runs = ?, due = ? where n = ?'
export const DELETE_BUNDLE = 'delete from bundle where n = ?'
export const BUNDLE_CONTENT = 'select content from bundle_content where n = ?'
export const INSERT_BUNDLE_CONTENT = 'insert into bundle_content (n, content) values (?, ?)'
export const DELETE_BUNDLE_CONTENT = 'delete from bundle_content where n = ?'

export const LAST_BUNDLE_ID = 'select max(last_id) from bundle where queue = ?'
export const BUNDLE_OF_ID =
  'select n, last_id from bundle where queue = ? and first_id <= ? order by first_id desc limit 1'
export const READY_BUNDLE = 'select n from bundle where queue = ? and next < size order by rank, place, n limit 1'
export const READY_BUNDLE_OF_RANK =
  'select n from bundle where queue = ? and rank = ? and next < size order by place, n limit 1'
export const NEXT_BUNDLE_DUE = 'select due from bundle where queue = ? and due is not null order by due limit 1'
export const DUE_BUNDLES = 'select n from bundle where queue = ? and due <= ? order by due limit ?'
export const LEASED_BUNDLES = 'select n from bundle where due is not null'
export const BUNDLES_FROM = 'select n from bundle where queue = ? and n >= ? order by n limit ?'

/** Messages that one lease handed out: from … to, less what has gone since. The first has this hand-out, the next the one after it. */
export interface Run {
  readonly from: number
  readonly to: number
  readonly until: number
  readonly owner: number
  readonly handout: number
  readonly process: boolean
}

/** What is stored of a run. */
type StoredRun = readonly [from: number, to: number, until: number, owner: number, handout: number, process: 0 | 1]

export class Bundle {
  readonly n: number
  readonly queue: number
  readonly rank: number
  readonly place: number
  readonly size: number
  readonly firstId: string
  readonly lastId: string
  /** From here on none was ever handed out; where there is one, it is not gone. */
  next: number
  readonly #gone: Uint8Array
  /** How many are still in it. */
  left: number
  runs: readonly Run[]
  isDirty = false
  #content: BundleContent | null = null

  constructor(row: Row) {
    const [n, queue, rank, place, size, firstId, lastId, next, gone, runs] = row
    this.n = n as number
    this.queue = queue as number
    this.rank = rank as number
    this.place = place as number
    this.size = size as number
    this.firstId = firstId as string
    this.lastId = lastId as string
    this.next = next as number
    this.#gone = gone as Uint8Array
    this.runs = (JSON.parse(runs as string) as readonly StoredRun[]).map(toRun)
    this.left = this.size
    for (let at = 0; at < this.size; at++) if (this.isGone(at)) this.left--
  }

  get hasReady(): boolean {
    return this.next < this.size
  }

  isGone(at: number): boolean {
    return (this.#gone[at >> 3]! & (1 << (at & 7))) !== 0
  }

  /** The message is in it no more. */
  leave(at: number): void {
    this.#gone[at >> 3]! |= 1 << (at & 7)
    this.left--
    this.isDirty = true
    if (at === this.next) this.#skipGone()
  }

  /** Hands out from `next` on. */
  hand(run: Run): void {
    this.runs = [...this.runs.filter((each) => this.#stands(each)), run]
    this.next = run.to
    this.isDirty = true
    this.#skipGone()
  }

  /** The run that the message was handed out in; undefined where it waits, or has gone. */
  runOf(at: number): Run | undefined {
    return at >= this.next || this.isGone(at) ? undefined : this.runs.find(({ from, to }) => from <= at && at < to)
  }

  /** When its first lease lapses. */
  get due(): number | null {
    let due = Infinity
    for (const run of this.runs) if (run.until < due && this.#stands(run)) due = run.until
    return due === Infinity ? null : due
  }

  /** Statements take it as it is now. */
  get state(): readonly [next: number, gone: Uint8Array, runs: string, due: number | null] {
    this.runs = this.runs.filter((run) => this.#stands(run))
    const runs = this.runs.map(({ from, to, until, owner, handout, process }): StoredRun => [
      from,
      to,
      until,
      owner,
      handout,
      process ? 1 : 0,
    ])
    return [this.next, this.#gone, JSON.stringify(runs), this.due]
  }

  get isLoaded(): boolean {
    return this.#content !== null
  }

  load(packed: Uint8Array, read: (shared: number) => Uint8Array): void {
    this.#content = new BundleContent(packed, this.size, read)
  }

  /** Loaded it must be. */
  get content(): BundleContent {
    return this.#content!
  }

  /** Of messages from … to: where each one's body begins and ends in what comes with them. */
  stretch(from: number, to: number): Stretch {
    return this.content.stretch(from, to, (at) => this.isGone(at))
  }

  #skipGone(): void {
    while (this.next < this.size && this.isGone(this.next)) this.next++
  }

  /** Whether any of its messages is still leased. */
  #stands({ from, to }: Run): boolean {
    for (let at = from; at < to; at++) if (!this.isGone(at)) return true
    return false
  }
}

const toRun = ([from, to, until, owner, handout, process]: StoredRun): Run => ({
  from,
  to,
  until,
  owner,
  handout,
  process: process === 1,
})

export const seqOf = ({ n }: Bundle, at: number): number => n * BUNDLE_SIZE + at
