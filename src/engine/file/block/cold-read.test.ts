// What is read of a segment that is still being written, and what is fetched ahead.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { DiskFile } from '../disk/disk.ts'
import { seeded } from '../disk/fault-disk.ts'
import { blankSegment } from '../log/segment.ts'
import { ColdReader } from './cold-read.ts'

const PIECE_BYTES = 256 << 10

/** A file whose reads see what is there when they begin, and answer when they are let. */
function create(sizeBytes: number) {
  const content = new Uint8Array(sizeBytes)
  const reads: { readonly position: number; readonly answer: () => void }[] = []
  const memories = new Set<ArrayBufferLike>()
  const file = {
    path: '/segment',
    readSoon(target: Uint8Array, position: number): Promise<number> {
      const seen = content.slice(position, position + target.byteLength)
      const { promise, resolve } = Promise.withResolvers<number>()
      memories.add(target.buffer)
      reads.push({ position, answer: () => (target.set(seen), resolve(seen.byteLength)) })
      return promise
    },
  } as Partial<DiskFile> as DiskFile
  return { segment: blankSegment(1, file, sizeBytes), content, reads, memories }
}

const byteAt = (bytes: Buffer, at: number): number => bytes[at]!

test('a piece that was on its way when more was written to it is read again', async () => {
  const { segment, content, reads } = create(PIECE_BYTES)
  const cold = new ColdReader(1 << 20)
  content[10] = 1
  segment.endBytes = 100
  const first = cold.read(segment, 10, 1, byteAt)
  content[200] = 2
  segment.endBytes = 300
  const second = cold.read(segment, 200, 1, byteAt)
  reads[0]!.answer()
  equal(await first, 1)
  await new Promise((resolve) => setImmediate(resolve))
  reads[1]?.answer()
  equal(await second, 2)
})

test('and so are bytes that lie across two pieces', async () => {
  const { segment, content, reads } = create(2 * PIECE_BYTES)
  const cold = new ColdReader(1 << 20)
  segment.endBytes = 100
  const first = cold.read(segment, 10, 1, byteAt)
  content[PIECE_BYTES - 1] = 3
  segment.endBytes = PIECE_BYTES + 10
  const second = cold.read(segment, PIECE_BYTES - 1, 2, byteAt)
  for (let turn = 0; turn < 3; turn++) {
    for (const { answer } of reads.splice(0)) answer()
    await new Promise((resolve) => setImmediate(resolve))
  }
  equal(await first, 0)
  equal(await second, 3)
})

test('what is small and begins in a piece is in it to its end', async () => {
  const { segment, content, reads } = create(2 * PIECE_BYTES)
  const cold = new ColdReader(1 << 20)
  segment.endBytes = 2 * PIECE_BYTES
  content[PIECE_BYTES] = 4
  const first = cold.read(segment, PIECE_BYTES - 1, 1, byteAt)
  reads[0]!.answer()
  equal(await first, 0)
  equal(
    cold.read(segment, PIECE_BYTES - 1, 2, (bytes, at) => bytes[at + 1]!),
    4,
  )
  equal(reads.length, 1)
})

test('what is large and lies across two pieces is joined of those that are kept', async () => {
  const { segment, content, reads } = create(2 * PIECE_BYTES)
  const cold = new ColdReader(1 << 20)
  const LARGE_BYTES = 100_000
  segment.endBytes = 2 * PIECE_BYTES
  content[PIECE_BYTES + 50_000] = 5
  const whole = (bytes: Buffer, at: number) => bytes[at + 50_001]!
  for (let round = 0; round < 2; round++) {
    const joined = cold.read(segment, PIECE_BYTES - 1, LARGE_BYTES, whole)
    for (const { answer } of reads) answer()
    equal(await joined, 5)
    equal(reads.length, 2)
  }
})

test('pieces read one after the other are fetched several at a time before they are asked for', async () => {
  const { segment, reads } = create(16 * PIECE_BYTES)
  const cold = new ColdReader(16 * PIECE_BYTES)
  segment.endBytes = 16 * PIECE_BYTES
  for (let index = 0; index < 14; index++) {
    const read = cold.read(segment, index * PIECE_BYTES, 1, byteAt)
    if (index > 1) equal(read, 0, `piece ${index} is there before it is asked for`)
    for (const { answer } of reads) answer()
    await read
    await new Promise((resolve) => setImmediate(resolve))
  }
  ok(reads.length < 8, `${reads.length} reads`)
})

/** A long segment in which each piece has bytes of its own, and a way to read one and have all reads answered. */
function createLong(keptPieces: number) {
  const long = create(64 * PIECE_BYTES)
  const { segment, content, reads } = long
  for (let index = 0; index < 64; index++) content.fill(index + 1, index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
  segment.endBytes = content.byteLength
  const cold = new ColdReader(keptPieces * PIECE_BYTES)
  const readPiece = async (index: number, at = 0): Promise<number> => {
    const read = cold.read(segment, index * PIECE_BYTES + at, 1, byteAt)
    for (const { answer } of reads.splice(0)) answer()
    const value = await read
    await new Promise((resolve) => setImmediate(resolve))
    return value
  }
  return { ...long, cold, readPiece }
}

test('a long segment is read from front to back through few memories', async () => {
  const { readPiece, memories } = createLong(16)
  for (let index = 0; index < 64; index++) equal(await readPiece(index), index + 1)
  // Of the first two, of those that are kept four by four, and of those that come and go.
  ok(memories.size <= 2 + 4 + 2, `${memories.size} memories`)
})

test('a memory is not used again while somebody waits who has a piece of it', async () => {
  const { segment, cold, reads, readPiece } = createLong(8)
  for (const index of [0, 1, 2]) await readPiece(index)
  const across = 6 * PIECE_BYTES - 4_000
  const joined = cold.read(segment, across, 14_000, (bytes, at) => [bytes[at], bytes[at + 13_999]])
  const held = reads.splice(0)
  ok(held.length > 0)
  for (let index = 20; index < 40; index++) await readPiece(index)
  for (const { answer } of held) answer()
  deepEqual(await joined, [6, 7])
})

test('nor while others of its pieces are kept', async () => {
  const { readPiece } = createLong(16)
  for (const index of [0, 1, 20, 21, 24]) await readPiece(index)
  // Of those that were fetched with it the others go.
  await readPiece(28)
  equal(await readPiece(5), 6)
  await readPiece(32)
  equal(await readPiece(5), 6)
})

test('what was read last is not looked for in a piece that has been read again since', async () => {
  const { segment, cold, reads, readPiece } = createLong(8)
  const { endBytes } = segment
  segment.endBytes = 5 * PIECE_BYTES + 100
  for (const index of [0, 1, 2, 5]) await readPiece(index)
  segment.endBytes = endBytes
  await readPiece(5, 200)
  await readPiece(40)
  // What is fetched ahead comes when nobody waits any more: all others of the old piece's memory go.
  const read = cold.read(segment, 41 * PIECE_BYTES, 1, byteAt)
  const [ahead, own] = reads.splice(0)
  own!.answer()
  equal(await read, 42)
  ahead!.answer()
  await new Promise((resolve) => setImmediate(resolve))
  const across = cold.read(segment, 6 * PIECE_BYTES - 4_000, 14_000, byteAt)
  for (const { answer } of reads.splice(0)) answer()
  equal(await across, 6)
  for (const index of [30, 31]) await readPiece(index)
  equal(await readPiece(5), 6)
})

test('what lies across two pieces that were fetched ahead together is joined of the right bytes', async () => {
  const { segment, content, reads } = create(8 * PIECE_BYTES)
  const cold = new ColdReader(16 * PIECE_BYTES)
  segment.endBytes = 8 * PIECE_BYTES
  for (let at = 0; at < content.byteLength; at++) content[at] = ((at * 31) >> 7) + Math.floor(at / PIECE_BYTES) * 37
  const settled = async <T>(read: T | Promise<T>): Promise<T> => {
    for (const { answer } of reads.splice(0)) answer()
    const value = await read
    await new Promise((resolve) => setImmediate(resolve))
    return value
  }
  // The second makes those behind it be fetched, several in one read.
  for (const index of [0, 1]) await settled(cold.read(segment, index * PIECE_BYTES, 1, byteAt))
  await settled(null)
  for (let index = 1; index < 7; index++) {
    const offset = (index + 1) * PIECE_BYTES - 4000
    const joined = cold.read(segment, offset, 14_000, (bytes, at) => Buffer.from(bytes.subarray(at, at + 14_000)))
    equal(Buffer.compare(await settled(joined), content.subarray(offset, offset + 14_000)), 0, `behind piece ${index}`)
  }
})

/** Stretches of a segment that is written, read and used again in any order; reads begin and end when chance says. */
async function churn(seed: number): Promise<void> {
  const random = seeded(seed)
  const below = (most: number): number => Math.floor(random() * most)
  const { segment, content, reads } = create(6 * PIECE_BYTES)
  const cold = new ColdReader(below(12) * PIECE_BYTES)
  const pending: Promise<string | null>[] = []
  let written: { readonly offset: number; readonly bytes: Uint8Array }[] = []
  let scanned = 0
  const write = (): void => {
    const lengthBytes = random() < 0.05 ? below(400_000) : random() < 0.5 ? below(1000) : below(60_000)
    const offset = segment.endBytes
    if (offset + lengthBytes > content.byteLength) return
    const bytes = new Uint8Array(lengthBytes).fill(1 + below(255))
    for (let at = 0; at < lengthBytes; at += 97) bytes[at] = below(256)
    content.set(bytes, offset)
    segment.endBytes = offset + lengthBytes
    written.push({ offset, bytes })
  }
  const read = (): void => {
    // Half of them in order, as one who drains.
    const one = written[random() < 0.5 ? below(written.length) : scanned++ % written.length]
    if (one === undefined) return
    const { offset, bytes } = one
    const wrong = cold.read(segment, offset, bytes.byteLength, (found, at) =>
      Buffer.compare(found.subarray(at, at + bytes.byteLength), bytes) === 0
        ? null
        : `seed ${seed}: ${bytes.byteLength} bytes from ${offset} are not what was written`,
    )
    pending.push(Promise.resolve(wrong))
  }
  const answer = (): void => reads.splice(below(reads.length), 1)[0]?.answer()
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  const useAgain = (): void => {
    cold.forget(segment)
    // Of what is written there again, the old is no part.
    content.fill(0)
    segment.endBytes = 0
    written = []
  }
  for (let step = 0; step < 400; step++) {
    const chance = random()
    if (chance < 0.3) write()
    else if (chance < 0.7) read()
    else if (chance < 0.95) answer()
    else await turn()
    if (segment.readers === 0 && random() < 0.02) useAgain()
  }
  while (segment.readers > 0) {
    answer()
    await turn()
  }
  deepEqual(
    (await Promise.all(pending)).filter((wrong) => wrong !== null),
    [],
  )
}

test('whatever is written, read, fetched ahead and used again: a read gives what was written there last', async () => {
  for (let seed = 1; seed <= 60; seed++) await churn(seed)
})
