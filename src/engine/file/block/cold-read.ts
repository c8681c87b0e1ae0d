/**
 * Reads what is not in memory any more: 256 KiB at a time, a bounded number of such pieces kept, because what was stored side by
 * side is read side by side. Where one piece is read after the other, the next are fetched before they are asked for. The segment is held
 * while a read is under way.
 */
import { PosthornError, describeError, isPosthornError } from '../../../core/error.ts'
import type { Segment } from '../log/segment.ts'

/** Is given the bytes while they are good; must copy what it keeps. */
export type Use<T> = (bytes: Buffer, at: number) => T

/** What the file holds from one offset to another. It does not change any more. */
export interface Piece {
  readonly bytes: Buffer
  readonly from: number
  readonly until: number
  isUsed: boolean
}

/** Pieces fetched before they are asked for: what a busy worker takes in a few milliseconds. */
const AHEAD = 3
const PIECE_BYTES = 256 << 10
/** A piece reaches so far into the next, that what is small never lies across two. */
const OVERLAP_BYTES = 8 << 10
/** Pieces of one segment, for the keys: a segment has at most 4 GiB. */
const MOST_PIECES = 2 ** 14

const NO_PIECE: Piece = { bytes: Buffer.alloc(0), from: 0, until: 0, isUsed: true }

export class ColdReader {
  readonly #keptPieces: number
  /** The one used last is last. */
  readonly #pieces = new Map<number, Piece>()
  readonly #reading = new Map<number, Promise<Piece>>()
  #lastKey = -1
  #last: Piece = NO_PIECE

  constructor(cacheBytes: number) {
    this.#keptPieces = Math.max(2, Math.floor(cacheBytes / PIECE_BYTES))
  }

  /** The piece with these bytes; null where they are not kept in one: then `read` brings them. */
  find(segment: Segment, offset: number, lengthBytes: number): Piece | null {
    const until = offset + lengthBytes
    const index = Math.floor(offset / PIECE_BYTES)
    const key = segment.number * MOST_PIECES + index
    if (key === this.#lastKey && until <= this.#last.until) return this.#last
    const piece = this.#kept(key, until)
    if (piece === null) return null
    if (!piece.isUsed) this.#fetchAhead(segment, index)
    piece.isUsed = true
    this.#lastKey = key
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
      return this.#hold(segment, async () => use(await this.#join(segment, offset, lengthBytes), 0))
    this.#fetchAhead(segment, index)
    return this.#hold(segment, async () => {
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
      const piece = await reading
      // One that was on its way already may have begun before the file held all that is asked for.
      if (piece.until >= until) return piece
    }
    const reading = this.#readPiece(segment, index, key).finally(() => this.#reading.delete(key))
    this.#reading.set(key, reading)
    return reading
  }

  /** The pieces behind this one, if the one before it was read as well. */
  #fetchAhead(segment: Segment, index: number): void {
    const key = segment.number * MOST_PIECES + index
    if (!this.#pieces.has(key - 1)) return
    for (let next = 1; next <= AHEAD && (index + next) * PIECE_BYTES < segment.endBytes; next++) {
      if (this.#pieces.has(key + next) || this.#reading.has(key + next)) continue
      // Who needs it reads it again, and is told what is wrong.
      this.#hold(segment, () => this.#fetch(segment, index + next, 0)).catch(() => {})
    }
  }

  async #readPiece(segment: Segment, index: number, key: number): Promise<Piece> {
    // Not pooled: whoever waits for a piece may use it after it has been dropped here.
    const bytes = Buffer.allocUnsafeSlow(PIECE_BYTES + OVERLAP_BYTES)
    const writtenUntil = segment.endBytes
    const from = index * PIECE_BYTES
    const count = await segment.file.readSoon(bytes, from)
    const piece = { bytes, from, until: Math.min(from + count, writtenUntil), isUsed: false }
    this.#pieces.delete(key)
    this.#pieces.set(key, piece)
    for (const oldest of this.#pieces.keys()) {
      if (this.#pieces.size <= this.#keptPieces) break
      this.#drop(oldest)
    }
    return piece
  }

  #drop(key: number): void {
    this.#pieces.delete(key)
    if (key !== this.#lastKey) return
    this.#lastKey = -1
    this.#last = NO_PIECE
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
    left.bytes.copy(bytes, 0, offset - index * PIECE_BYTES, PIECE_BYTES)
    right.bytes.copy(bytes, cut - offset, 0, offset + lengthBytes - cut)
    return bytes
  }
}
