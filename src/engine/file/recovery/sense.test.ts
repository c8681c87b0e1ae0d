// What a frame must say to be believed where its checksum was not right at first.
import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { OP } from '../codec/entry.ts'
import type { FoundFrame } from '../log/frame-reader.ts'
import { makesSense } from './sense.ts'

const entry = Buffer.from([OP.released, 1, 0, 0, 0])

function isSense(...pieces: readonly Buffer[]): boolean {
  const bytes = Buffer.concat(pieces)
  return makesSense({ bytes, from: 0, end: bytes.byteLength } as FoundFrame)
}

test('entries to the end make sense, and zeros behind them that fill up a page', () => {
  equal(isSense(entry, entry), true)
  equal(isSense(entry, Buffer.alloc(1)), true)
  equal(isSense(entry, Buffer.alloc(4095)), true)
  equal(isSense(entry, entry.subarray(0, 3)), false)
  equal(isSense(entry, Buffer.from([255])), false)
})

test('a frame that breaks off in zeros, as one of which a part never reached the disk, makes none', () => {
  equal(isSense(entry, Buffer.alloc(8192)), false)
  equal(isSense(entry, Buffer.alloc(512), entry), false)
})
