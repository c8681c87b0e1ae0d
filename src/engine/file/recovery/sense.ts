/** Whether what a frame says can be read as entries to its end, each piece of content whole: for frames of which the checksum alone is not enough. */
import { crc32 } from 'node:zlib'
import type { Entries } from '../../ledger/entries.ts'
import { EntryReader, decodeEntries } from '../codec/decode.ts'
import { BLOCK_PREFIX_BYTES } from '../codec/entry.ts'
import type { FoundFrame } from '../log/frame-reader.ts'
import { PAGE_BYTES } from '../log/frame-writer.ts'

export function makesSense({ bytes, from, end }: FoundFrame): boolean {
  const reader = new EntryReader(bytes, from, end)
  let isWhole = true
  try {
    decodeEntries(reader, NOBODY, (block, at, lengthBytes) => {
      const content = at + BLOCK_PREFIX_BYTES
      if (crc32(bytes.subarray(content, content + lengthBytes), block) !== bytes.readUInt32LE(at + 4)) isWhole = false
    })
    // What is behind the last entry fills a page up. A frame of which a part never reached the disk has other things there, or more zeros.
    return isWhole && end - reader.at < PAGE_BYTES && bytes.subarray(reader.at, end).every((byte) => byte === 0)
  } catch {
    return false
  }
}

/** Hears every entry and keeps none. */
const NOBODY: Entries = new Proxy({} as Entries, { get: () => () => {} })
