/**
 * Reads what is not in memory any more: 256 KiB at a time, a bounded number of such pieces kept, because what was stored side by
 * side is read side by side. Where one piece is read after the other, the next are fetched before they are asked for. The segment is held
 * while a read is under way.
 */
import { PosthornError, describeError, isPosthornError } from '../../../core/error.ts'
import type { Segment } from '../log/segment.ts'

/** Is given the bytes while they are good; must copy what it keeps. */
export type Use<T> = (bytes: Buffer, at: number) => T

/** What a file holds up to an offset. It does not change any more. */
export interface Piece {
  readonly key: number
  /** Several that were read together share their bytes. */
  readonly bytes: Buffer
  /** Offset in the file of the first of these bytes: of the first piece among those that share them. */
  readonly from: number
  readonly until: number
  isUsed: boolean
}

/** Pieces fetched in one read before they are asked for: what a busy worker takes in a few milliseconds. */
const AHEAD = 4
/** So many are there or on their way. */
const LEAST_AHEAD = 2
const PIECE_BYTES = 256 << 10
/** A piece reaches so far into the next, that what is small never lies across two. */
const OVERLAP_BYTES = 8 << 10
const AHEAD_BYTES = AHEAD * PIECE_BYTES + OVERLAP_BYTES
/** Pieces of one segment, for the keys: a segment has at most 4 GiB. */
const MOST_PIECES = 2 ** 14

const NO_PIECE: Piece = { key: -1, bytes: Buffer.alloc(0), from: 0, until: 0, isUsed: true }

export class ColdReader {
  readonly #keptPieces: number
  /** The one used last is last. */
  readonly #pieces = new Map<number, Piece>()
  readonly #reading = new Map<number, Promise<readonly Piece[]>>()
  #last: Piece = NO_PIECE
  /** Reads that have yet to use what they wait for. */
  #waiting = 0
  /**
   * Of what was fetched ahead and is nobody's any more, for the next fetch: memory that is new each time has V8 look through all objects for garbage,
   * two to five times where 200,000 messages are drained and not once or twice.
   */
  #spare: Buffer | null = null

  constructor(cacheBytes: number) {
    this.#keptPieces = Math.max(2, Math.floor(cacheBytes / PIECE_BYTES))
  }

  /** The piece with these bytes; null where they are not kept in one: then `read` brings them. */
  find(segment: Segment, offset: number, lengthBytes: number): Piece | null {
    const until = offset + lengthBytes
    const index = Math.floor(offset / PIECE_BYTES)
    const key = segment.number * MOST_PIECES + index
    if (key === this.#last.key && until <= this.#last.until) return this.#last
    const piece = this.#kept(key, until)
    if (piece === null) return null
    if (!piece.isUsed) this.#fetchAhead(segment, index)
    piece.isUsed = true
    this.#last = piece
    return piece
  }

  /** At once where the bytes are kept. */
  read<T>(segment: Segment, offset: number, lengthBytes: number, use: Use<T>): T | Promise<T> {
    const kept = this.find(segment, offset, lengthBytes)
    if (kept !== null) return use(kept.bytes, offset - kept.from)
    const index = Math.floor(offset / PIECE_BYTES)
    const until = offset + lengthBytes
    if (until > (index + 1) * PIECE_BYTES + OVERLAP_BYTES)
      return this.#wait(segment, async () => use(await this.#join(segment, offset, lengthBytes), 0))
    this.#fetchAhead(segment, index)
    return this.#wait(segment, async () => {
      const { bytes, from } = await this.#fetch(segment, index, until)
      return use(bytes, offset - from)
    })
  }

  /** The segment is used again: what was read from it is nobody's any more. */
  forget(segment: Segment): void {
    for (const key of this.#pieces.keys()) {
      if (Math.floor(key / MOST_PIECES) === segment.number) this.#drop(key)
    }
  }

  async #wait<T>(segment: Segment, read: () => Promise<T>): Promise<T> {
    this.#waiting++
    try {
      return await this.#hold(segment, read)
    } finally {
      this.#waiting--
    }
  }

  async #hold<T>(segment: Segment, read: () => Promise<T>): Promise<T> {
    segment.readers++
    try {
      return await read()
    } catch (error) {
      if (isPosthornError(error)) throw error
      const { path } = segment.file
      throw new PosthornError('corrupt', `${path} cannot be read: ${describeError(error).message}`, {
        details: { file: path },
        cause: error,
      })
    } finally {
      segment.readers--
    }
  }

  #kept(key: number, until: number): Piece | null {
    const piece = this.#pieces.get(key)
    if (piece === undefined || piece.until < until) return null
    this.#pieces.delete(key)
    this.#pieces.set(key, piece)
    return piece
  }

  /** The piece, with what the file holds of it up to this offset at least. */
  async #fetch(segment: Segment, index: number, until: number): Promise<Piece> {
    const key = segment.number * MOST_PIECES + index
    const kept = this.#kept(key, until)
    if (kept !== null) return kept
    for (let reading = this.#reading.get(key); reading !== undefined; reading = this.#reading.get(key)) {
      const piece = (await reading).find((each) => each.key === key)!
      // One that was on its way already may have begun before the file held all that is asked for.
      if (piece.until >= until) return piece
    }
    return (await this.#readPieces(segment, index, 1))[0]!
  }

  /** The pieces behind this one, if the one before it was read as well. */
  #fetchAhead(segment: Segment, index: number): void {
    const key = segment.number * MOST_PIECES + index
    if (!this.#pieces.has(key - 1)) return
    let next = 1
    while (next <= LEAST_AHEAD && (this.#pieces.has(key + next) || this.#reading.has(key + next))) next++
    const first = index + next
    const left = Math.ceil(segment.endBytes / PIECE_BYTES) - first
    if (next > LEAST_AHEAD || left <= 0) return
    const count = Math.min(AHEAD, left, this.#keptPieces >> 1)
    // Who needs it reads it again, and is told what is wrong.
    this.#hold(segment, () => this.#readPieces(segment, first, count)).catch(() => {})
  }

  #readPieces(segment: Segment, first: number, count: number): Promise<readonly Piece[]> {
    const key = segment.number * MOST_PIECES + first
    const reading = this.#readNow(segment, first, count).finally(() => {
      for (let next = key; next < key + count; next++)
        if (this.#reading.get(next) === reading) this.#reading.delete(next)
    })
    for (let next = key; next < key + count; next++) this.#reading.set(next, reading)
    return reading
  }

  async #readNow(segment: Segment, first: number, count: number): Promise<readonly Piece[]> {
    const bytes = this.#memory(count * PIECE_BYTES + OVERLAP_BYTES)
    const writtenUntil = segment.endBytes
    const from = first * PIECE_BYTES
    const read = from + (await segment.file.readSoon(bytes, from))
    const pieces: Piece[] = []
    for (let index = first; index < first + count; index++) {
      const until = Math.min((index + 1) * PIECE_BYTES + OVERLAP_BYTES, read, writtenUntil)
      const piece = { key: segment.number * MOST_PIECES + index, bytes, from, until, isUsed: false }
      this.#drop(piece.key)
      this.#pieces.set(piece.key, piece)
      pieces.push(piece)
    }
    for (const oldest of this.#pieces.keys()) {
      if (this.#pieces.size <= this.#keptPieces) break
      this.#drop(oldest)
    }
    return pieces
  }

  #memory(bytes: number): Buffer {
    const spare = this.#spare
    if (spare?.byteLength !== bytes) return Buffer.allocUnsafeSlow(bytes)
    this.#spare = null
    return spare
  }

  #drop(key: number): void {
    const dropped = this.#pieces.get(key)
    this.#pieces.delete(key)
    if (key === this.#last.key) this.#last = NO_PIECE
    if (dropped !== undefined) this.#release(dropped)
  }

  /** Where others have pieces of the same memory, or somebody waits, who may use a piece after it has been dropped here, it is left to the collector. */
  #release({ bytes }: Piece): void {
    if (bytes.byteLength !== AHEAD_BYTES || this.#waiting > 0) return
    for (const other of this.#pieces.values()) if (other.bytes === bytes) return
    this.#spare = bytes
  }

  /** Bytes that lie across pieces. */
  async #join(segment: Segment, offset: number, lengthBytes: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(lengthBytes)
    if (lengthBytes > PIECE_BYTES) {
      await segment.file.readSoon(bytes, offset)
      return bytes
    }
    const index = Math.floor(offset / PIECE_BYTES)
    const cut = (index + 1) * PIECE_BYTES
    const [left, right] = await Promise.all([
      this.#fetch(segment, index, cut),
      this.#fetch(segment, index + 1, offset + lengthBytes),
    ])
    left.bytes.copy(bytes, 0, offset - left.from, cut - left.from)
    right.bytes.copy(bytes, cut - offset, cut - right.from, offset + lengthBytes - right.from)
    return bytes
  }
}
