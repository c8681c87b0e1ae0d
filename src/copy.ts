/**
 * Copies all that one engine keeps into another that is empty, piece by piece, and holds it true at the end. How far it is stands in the target,
 * in the transaction of what was taken in, so that a copy that was killed goes on where it was.
 */
import { createHash } from 'node:crypto'
import { PosthornError } from './core/error.ts'
import { fromJsonBytes, toJsonBytes } from './core/json.ts'
import type { StoredFailure } from './core/message.ts'
import { checkKnown } from './core/option.ts'
import { COPY_KEY, type MessagePiece, type Piece, type Transfer } from './core/transfer.ts'
import { openTransfer, type Post } from './posthorn.ts'

export interface CopyOptions {
  /** How far it is: pieces that were copied (messages, records, events and all else), then those that were compared. Called for each. */
  readonly onProgress?: ((step: { readonly doing: 'copying' | 'comparing'; readonly done: number }) => void) | undefined
}

/** What a copy holds, counted in the source and again in the target. */
export interface CopyCounts {
  readonly queues: number
  /** By state. */
  readonly messages: Readonly<Record<MessagePiece['state'], number>>
  readonly topics: number
  readonly events: number
  readonly records: number
  readonly dedupes: number
  readonly commits: number
  readonly subscriptions: number
}

export interface CopyReport {
  /** Source and target, without passwords. */
  readonly from: string
  readonly to: string
  /** The moment as of which the target is the source: the source's engine time, ms since the epoch. */
  readonly at: number
  readonly counts: CopyCounts
  /** Of everything, the same in both: hexadecimal. */
  readonly checksum: string
  /** How many pieces an earlier copy that was ended had taken over already. */
  readonly resumedAfter: number
}

/** How far a copy is, as the target's record `system/copy` says while it is under way. */
interface Mark {
  readonly from: string
  readonly at: number
  /** Added to every engine time, so that what was due in so long is due in so long. */
  readonly shiftMs: number
  readonly pieces: number
  readonly checksum: string
}

const BATCH_PIECES = 500
const BATCH_BYTES = 4 * 1_048_576
/** Clocks that are no further apart tell the same time. */
const SAME_MS = 1_000

/**
 * Copies everything from one engine into another that is empty, then reads both again in full and compares: queues with settings, messages in
 * every state with their order, counts and failures, topics with their events and positions, records with versions and aliases, dedupe texts, commits that
 * are remembered, subscriptions with what they are owed. Leased messages are leased until their time, by nobody: tokens of the one are stale in the
 * other. A copy that was ended goes on when it is begun again.
 *
 * The source is shown as of one moment; what happens there afterwards is not copied. SQL engines may be in use meanwhile, `file:` must not be, and one
 * that lives in this process must be at rest.
 * @param from a URL, or a post of this process (for `memory:`) @param to the same; there must be nothing in it yet
 * @throws PosthornError `invalid` (nothing to copy; the target is not empty; it is another copy's), `conflict` (the source was used meanwhile, or since
 * the copy was begun), `corrupt` (the target does not hold what was copied), and what opening an engine throws
 */
export async function copy(from: string | Post, to: string | Post, options: CopyOptions = {}): Promise<CopyReport> {
  checkKnown('copy', options, ['onProgress'])
  const source = await openTransfer(from, 'source')
  try {
    const target = await openTransfer(to, 'target')
    try {
      return await new Copy(source.transfer, target.transfer, source.name, target.name, options).run()
    } finally {
      await target.transfer.close()
    }
  } finally {
    await source.transfer.close()
  }
}

class Copy {
  readonly #source: Transfer
  readonly #target: Transfer
  readonly #from: string
  readonly #to: string
  readonly #options: CopyOptions

  constructor(source: Transfer, target: Transfer, from: string, to: string, options: CopyOptions) {
    this.#source = source
    this.#target = target
    this.#from = from
    this.#to = to
    this.#options = options
  }

  async run(): Promise<CopyReport> {
    if ((await this.#source.peek(COPY_KEY)) !== null)
      throw new PosthornError('invalid', `${this.#from} is itself a copy that is not finished: finish it first`)
    const begun = await this.#begin()
    const copied = await this.#copy(begun)
    const found = await this.#total(this.#target, begun, (piece) => !isMark(piece))
    if (found.checksum !== copied.checksum || JSON.stringify(found.counts) !== JSON.stringify(copied.counts))
      throw new PosthornError(
        'corrupt',
        `${this.#to} does not hold what was copied: it was used before the copy was finished. Empty it and begin again`,
        { details: { copied: copied.counts, found: found.counts } },
      )
    await this.#target.drop(COPY_KEY)
    const { counts, checksum } = copied
    return {
      from: this.#from,
      to: this.#to,
      at: begun.at - begun.shiftMs,
      counts,
      checksum,
      resumedAfter: begun.pieces,
    }
  }

  /** Where the copy begins, or goes on. */
  async #begin(): Promise<Mark> {
    const known = await this.#target.peek(COPY_KEY)
    if (known !== null) return fromJsonBytes(known) as Mark
    if (!(await this.#target.isEmpty()))
      throw new PosthornError('invalid', `${this.#to} is not empty: a copy needs a place of its own`)
    const [theirs, ours] = [await this.#source.now(), await this.#target.now()]
    const apart = Math.round(ours - theirs)
    const shiftMs = Math.abs(apart) <= SAME_MS ? 0 : apart
    return { from: this.#from, at: Math.floor(theirs) + shiftMs, shiftMs, pieces: 0, checksum: new Sum().text }
  }

  async #copy(begun: Mark): Promise<Total> {
    const total = new Total()
    let batch: Piece[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      const mark: Mark = { ...begun, pieces: total.pieces, checksum: total.checksum }
      await this.#target.takeIn([...batch, markPiece(mark)])
      batch = []
      bytes = 0
    }
    for await (const given of this.#source.pieces(begun.at - begun.shiftMs)) {
      const piece = settled(given, begun)
      total.add(piece)
      this.#options.onProgress?.({ doing: 'copying', done: total.pieces })
      if (total.pieces <= begun.pieces) {
        if (total.pieces === begun.pieces && total.checksum !== begun.checksum) throw this.#changed()
        continue
      }
      batch.push(piece)
      bytes += 'message' in piece ? piece.message.body.byteLength : 'value' in piece ? piece.value.byteLength : 0
      if (batch.length === BATCH_PIECES || bytes >= BATCH_BYTES) await flush()
    }
    if (total.pieces < begun.pieces) throw this.#changed()
    if (batch.length > 0) await flush()
    return total
  }

  async #total(transfer: Transfer, begun: Mark, isMeant: (piece: Piece) => boolean): Promise<Total> {
    const total = new Total()
    for await (const piece of transfer.pieces(begun.at)) {
      if (!isMeant(piece)) continue
      total.add(settled(piece, { ...begun, shiftMs: 0 }))
      this.#options.onProgress?.({ doing: 'comparing', done: total.pieces })
    }
    return total
  }

  #changed(): PosthornError {
    return new PosthornError(
      'conflict',
      `${this.#from} is not what it was when the copy was begun: empty ${this.#to} and begin again`,
    )
  }
}

const isMark = (piece: Piece): boolean => piece.is === 'record' && piece.key === COPY_KEY

/** Its version is none that is given: nobody reads it by one. */
const markPiece = (mark: Mark): Piece => ({
  is: 'record',
  key: COPY_KEY,
  value: toJsonBytes(mark),
  version: 1,
  expiresAt: null,
  aliases: [],
})

/** What was counted, and the sum of the hashes of all pieces: those of a queue with their place among its messages, the others in any order. */
class Total {
  pieces = 0
  readonly counts: {
    queues: number
    messages: Record<MessagePiece['state'], number>
    topics: number
    events: number
    records: number
    dedupes: number
    commits: number
    subscriptions: number
  } = {
    queues: 0,
    messages: { ready: 0, held: 0, delayed: 0, leased: 0, dead: 0, acked: 0, expired: 0, cancelled: 0, discarded: 0 },
    topics: 0,
    events: 0,
    records: 0,
    dedupes: 0,
    commits: 0,
    subscriptions: 0,
  }
  readonly #sum = new Sum()
  #place = 0

  add(piece: Piece): void {
    this.pieces++
    if (piece.is === 'head') return
    if (piece.is === 'message') this.counts.messages[piece.state]++
    else this.counts[PLURAL[piece.is]]++
    this.#place = piece.is === 'message' ? this.#place + 1 : 0
    this.#sum.add(piece, this.#place)
  }

  get checksum(): string {
    return this.#sum.text
  }
}

const PLURAL = {
  queue: 'queues',
  topic: 'topics',
  event: 'events',
  record: 'records',
  dedupe: 'dedupes',
  commit: 'commits',
  subscription: 'subscriptions',
} as const

/** Sums SHA-256 over pieces, modulo 2^256. */
class Sum {
  #sum = 0n

  add(piece: Piece, place: number): void {
    const hash = createHash('sha256')
    hash.update(`${place} `)
    hash.update(JSON.stringify(plain(piece)))
    if ('message' in piece) hash.update(piece.message.body)
    if ('value' in piece) hash.update(piece.value)
    this.#sum = (this.#sum + BigInt(`0x${hash.digest('hex')}`)) & MOST
  }

  get text(): string {
    return this.#sum.toString(16).padStart(64, '0')
  }
}

const MOST = 2n ** 256n - 1n

/** Keys in order, nothing that is undefined, bytes by their number. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return value.byteLength
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(
    fields.sort(([one], [other]) => (one < other ? -1 : 1)).map(([key, each]) => [key, plain(each)]),
  )
}

/** In whole milliseconds, as some engines keep them, and on the target's clock. Nothing is due sooner, and nothing lasts longer, than it should. */
function settled(piece: Piece, { at, shiftMs }: Mark): Piece {
  const since = (time: number): number => Math.floor(time) + shiftMs
  const until = (time: number): number => Math.ceil(time) + shiftMs
  switch (piece.is) {
    case 'head':
      return { ...piece, now: at }
    case 'message':
      return settledMessage(piece, since, until)
    case 'event':
      return { ...piece, at: since(piece.at) }
    case 'record':
      return {
        ...piece,
        expiresAt: piece.expiresAt === null ? null : Math.round(piece.expiresAt),
        aliases: [...piece.aliases].sort(),
      }
    case 'dedupe':
    case 'commit':
      return { ...piece, until: until(piece.until) }
    case 'subscription':
      return {
        ...piece,
        gaps: piece.gaps.map(({ from, to, count }) => ({ from: since(from), to: since(to), count })),
      }
    default:
      return piece
  }
}

type Settle = (time: number) => number

function settledMessage(piece: MessagePiece, since: Settle, until: Settle): MessagePiece {
  const { state, readyAt, leaseUntil, endedAt, wallDue } = piece
  const failures = piece.failures.map((failure): StoredFailure => ({ ...failure, at: since(failure.at) }))
  const dueAt =
    readyAt === null ? null : wallDue ? Math.ceil(readyAt) : state === 'delayed' ? until(readyAt) : since(readyAt)
  return {
    ...piece,
    sentAt: since(piece.sentAt),
    readyAt: dueAt,
    leaseUntil: leaseUntil === null ? null : until(leaseUntil),
    endedAt: endedAt === null ? null : since(endedAt),
    failures,
  }
}
