import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { IdIndex } from './id-index.ts'
import { CHUNK_MASK, Slots } from './slots.ts'
import { formatUuid, parseUuid, words } from '../../../core/uuid.ts'

test('the index under random additions and removals agrees with a map, also where ids differ in one word only, made in a row or not', () => {
  const word = fc.integer({ min: 0, max: 3 })
  const version = fc.constantFrom(0, 0x4000, 0x7000)
  const operation = fc.record({
    queue: fc.integer({ min: 1, max: 3 }),
    ids: fc
      .tuple(word, word, word, word, version)
      .map(([id0, id1, id2, id3, bits]) => [id0, id1 | bits, id2, id3] as const),
    isRemoval: fc.boolean(),
    isAsked: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 600 }), (operations) => {
      const slots = new Slots()
      const index = new IdIndex(slots)
      const naive = new Map<string, number>()
      for (const { queue, ids, isRemoval, isAsked } of operations) {
        const name = `${queue} ${ids.join()}`
        const known = naive.get(name) ?? 0
        if (isAsked) equal(index.find(queue, ...ids), known)
        if (known !== 0 && isRemoval) {
          index.remove(known)
          slots.free(known)
          naive.delete(name)
        } else if (known === 0) {
          const slot = slots.take()
          const chunk = slots.of(slot)
          const row = slot & CHUNK_MASK
          ;[chunk.id0[row], chunk.id1[row], chunk.id2[row], chunk.id3[row]] = ids
          chunk.queue[row] = queue
          index.add(slot)
          naive.set(name, slot)
        }
      }
      for (const [name, slot] of naive) {
        const [queue, ids] = name.split(' ')
        equal(index.find(Number(queue), ...(ids!.split(',').map(Number) as [number, number, number, number])), slot)
      }
    }),
    { numRuns: 200 },
  )
})

test('a hundred thousand ids made in a row are found, and gone when they are taken out', () => {
  const slots = new Slots()
  const index = new IdIndex(slots)
  for (let count = 1; count <= 100_000; count++) {
    const slot = slots.take()
    slots.of(slot).id3[slot & CHUNK_MASK] = count
    slots.of(slot).queue[slot & CHUNK_MASK] = 1
    index.add(slot)
  }
  for (let count = 1; count <= 100_000; count += 997) equal(index.find(1, 0, 0, 0, count), count)
  for (let slot = 1; slot <= 100_000; slot++) index.remove(slot)
  for (let count = 1; count <= 100_000; count += 997) equal(index.find(1, 0, 0, 0, count), 0)
})

test('a UUID survives being taken apart', () => {
  for (const id of [
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '019b76da-a800-7131-bdc4-cfe680e06533',
  ]) {
    parseUuid(id)
    equal(formatUuid(words[0]!, words[1]!, words[2]!, words[3]!), id)
  }
})
