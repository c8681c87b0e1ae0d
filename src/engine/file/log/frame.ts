/**
 * The unit on disk: what one group of commits decided, behind a header that proves it whole and says where it belongs.
 * The first 16 bytes of the header keep their meaning in every format, so that an older version can refuse a newer file.
 */
import { crc32 } from 'node:zlib'

export const FORMAT = 1
export const HEADER_BYTES = 56
/** Frames begin at multiples of this, so that a search behind damage need not look at every byte. */
export const ALIGNMENT = 8

/** head: the first of a segment or checkpoint, JSON · entries: decided effects · chunk, end: parts of a checkpoint · left: says where the log went on. */
export const KINDS = { head: 1, entries: 2, chunk: 3, end: 4, left: 5 } as const
export type FrameKind = (typeof KINDS)[keyof typeof KINDS]

export interface FrameHeader {
  readonly kind: FrameKind
  /** Of the payload. */
  readonly lengthBytes: number
  /** Counts the openings of the folder: a frame of an earlier one behind the end of a recycled segment is told by it. */
  readonly incarnation: number
  /** One more than that of the frame before; never used again within an incarnation. */
  readonly sequence: number
  /** The last frame known to be durable when this one was written. */
  readonly syncedTo: number
  readonly engineMs: number
  readonly wallMs: number
}

export interface StoredHeader extends FrameHeader {
  readonly format: number
  readonly crc: number
}

const MAGIC = 0x52464850
/** What every frame begins with: PHFR. */
export const MAGIC_BYTES: Buffer = Buffer.from('PHFR', 'latin1')

/** Where the checksum and the length are in a header. */
export const CRC_AT = 4
export const LENGTH_AT = 8
const FORMAT_AT = 12
const KIND_AT = 13
const INCARNATION_AT = 16
const SEQUENCE_AT = 24
const SYNCED_AT = 32
const ENGINE_AT = 40
const WALL_AT = 48

/** Bytes of a whole frame in the file. */
export function frameBytes(payloadBytes: number): number {
  return Math.ceil((HEADER_BYTES + payloadBytes) / ALIGNMENT) * ALIGNMENT
}

/** Writes the header before a payload that is in place already, with the zeros behind it. */
export function sealFrame(bytes: Uint8Array, view: DataView, at: number, header: FrameHeader): void {
  writeHeader(view, at, header)
  view.setUint32(at + CRC_AT, checksum(bytes, at, header.lengthBytes), true)
}

/** A frame on its own, for heads and checkpoints: its payload is in pieces and is not copied. */
export function makeFrame(
  header: Omit<FrameHeader, 'lengthBytes'>,
  ...payload: readonly Uint8Array[]
): readonly Uint8Array[] {
  const lengthBytes = bytesOf(payload)
  const head = new Uint8Array(HEADER_BYTES)
  const view = new DataView(head.buffer)
  writeHeader(view, 0, { ...header, lengthBytes })
  const pieces = [head, ...payload, new Uint8Array(frameBytes(lengthBytes) - HEADER_BYTES - lengthBytes)]
  let crc = 0
  for (const piece of pieces) crc = crc32(piece === head ? head.subarray(LENGTH_AT) : piece, crc)
  view.setUint32(CRC_AT, crc, true)
  return pieces
}

export const bytesOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, piece) => sum + piece.byteLength, 0)

function writeHeader(view: DataView, at: number, header: FrameHeader): void {
  view.setUint32(at, MAGIC, true)
  view.setUint32(at + LENGTH_AT, header.lengthBytes, true)
  view.setUint32(at + FORMAT_AT, FORMAT | (header.kind << 8), true)
  view.setUint32(at + INCARNATION_AT, header.incarnation, true)
  view.setUint32(at + INCARNATION_AT + 4, 0, true)
  view.setFloat64(at + SEQUENCE_AT, header.sequence, true)
  view.setFloat64(at + SYNCED_AT, header.syncedTo, true)
  view.setFloat64(at + ENGINE_AT, header.engineMs, true)
  view.setFloat64(at + WALL_AT, header.wallMs, true)
}

/** The header at this place; null where there is none. It proves nothing before `isIntact`. */
export function readHeader(view: DataView, at: number): StoredHeader | null {
  if (at + HEADER_BYTES > view.byteLength || view.getUint32(at, true) !== MAGIC) return null
  return {
    format: view.getUint8(at + FORMAT_AT),
    kind: view.getUint8(at + KIND_AT) as FrameKind,
    crc: view.getUint32(at + CRC_AT, true),
    lengthBytes: view.getUint32(at + LENGTH_AT, true),
    incarnation: view.getUint32(at + INCARNATION_AT, true),
    sequence: view.getFloat64(at + SEQUENCE_AT, true),
    syncedTo: view.getFloat64(at + SYNCED_AT, true),
    engineMs: view.getFloat64(at + ENGINE_AT, true),
    wallMs: view.getFloat64(at + WALL_AT, true),
  }
}

/** Whether a frame begins here that is whole. The bytes must hold all of it. */
export function isIntact(bytes: Uint8Array, at: number, header: StoredHeader): boolean {
  return (
    at + frameBytes(header.lengthBytes) <= bytes.byteLength && checksum(bytes, at, header.lengthBytes) === header.crc
  )
}

/** Of all but itself and the magic, the zeros behind the payload included. */
function checksum(bytes: Uint8Array, at: number, lengthBytes: number): number {
  return crc32(bytes.subarray(at + LENGTH_AT, at + frameBytes(lengthBytes)))
}
