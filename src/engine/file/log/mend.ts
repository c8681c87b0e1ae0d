/**
 * A frame in which one bit is not as it was written. The checksum of a pattern of errors does not depend on the data, and that of each single
 * bit is another in frames of less than 2^32 bits: the difference between what is stored and what is computed says which bit it was
 * (Peterson and Brown, Cyclic Codes for Error Detection, 1961). Damage of many bits looks like that of one in about one of 10,000 frames
 * of 50 KB, so whoever believes it must look at what the frame says as well.
 */
import { crc32 } from 'node:zlib'
import { CRC_AT, HEADER_BYTES, LENGTH_AT, MAGIC_BYTES, frameBytes, readHeader } from './frame.ts'
import type { FoundFrame, FrameReader } from './frame-reader.ts'

/** Larger frames are not looked at: to find the bit takes time in proportion. */
const MOST_BYTES = 16 << 20
const POLYNOMIAL = 0xedb88320

/** The frame as it was written, in a copy; null where more than one bit is wrong, or none. */
export function mendFrame(reader: FrameReader, offset: number): FoundFrame | null {
  const start = reader.copy(offset, HEADER_BYTES)
  if (start === null) return null
  const wrong = start.readUInt32BE(0) ^ MAGIC_BYTES.readUInt32BE(0)
  if (!isOneBit(wrong) && wrong !== 0) return null
  const given = start.readUInt32LE(LENGTH_AT)
  if (wrong !== 0) return frameOf(reader, offset, given, (bytes) => MAGIC_BYTES.copy(bytes))
  const frame = frameOf(reader, offset, given, mendWithin)
  if (frame !== null) return frame
  for (let bit = 0; bit < 32; bit++) {
    const lengthBytes = (given ^ (1 << bit)) >>> 0
    const other = frameOf(reader, offset, lengthBytes, (bytes) => bytes.writeUInt32LE(lengthBytes, LENGTH_AT))
    if (other !== null) return other
  }
  return null
}

/** The frame of this length, if it is whole once it has been mended. */
function frameOf(
  reader: FrameReader,
  offset: number,
  lengthBytes: number,
  mend: (bytes: Buffer) => void,
): FoundFrame | null {
  const size = frameBytes(lengthBytes)
  const bytes = size > MOST_BYTES ? null : reader.copy(offset, size)
  if (bytes === null || difference(bytes) === 0) return null
  mend(bytes)
  if (difference(bytes) !== 0) return null
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const header = readHeader(view, 0)!
  // The bit may be one of the length.
  if (frameBytes(header.lengthBytes) !== size) return null
  return { header, offset, next: offset + size, bytes, from: HEADER_BYTES, end: HEADER_BYTES + header.lengthBytes }
}

/** 0 where the frame is whole: magic and checksum. */
function difference(bytes: Buffer): number {
  if (bytes.compare(MAGIC_BYTES, 0, MAGIC_BYTES.byteLength, 0, MAGIC_BYTES.byteLength) !== 0) return -1
  return (crc32(bytes.subarray(LENGTH_AT)) ^ bytes.readUInt32LE(CRC_AT)) >>> 0
}

/** Turns the bit of the checksum, or of what it is of, that explains the difference. */
function mendWithin(bytes: Buffer): void {
  const wrong = difference(bytes)
  if (isOneBit(wrong)) {
    bytes.writeUInt32LE((bytes.readUInt32LE(CRC_AT) ^ wrong) >>> 0, CRC_AT)
    return
  }
  // What a bit of a byte does to the checksum, with so many bytes behind it: those of all eight at once, from the end on.
  const done = Array.from({ length: 8 }, (_, bit) => TABLE[1 << bit]!)
  for (let at = bytes.byteLength - 1; at >= LENGTH_AT; at--) {
    for (let bit = 0; bit < 8; bit++) {
      const sum = done[bit]!
      if (sum === wrong) {
        bytes[at]! ^= 1 << bit
        return
      }
      done[bit] = ((sum >>> 8) ^ TABLE[sum & 0xff]!) >>> 0
    }
  }
}

const isOneBit = (word: number): boolean => word !== 0 && (word & (word - 1)) === 0

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = (sum & 1) === 0 ? sum >>> 1 : (sum >>> 1) ^ POLYNOMIAL
  return sum
})
