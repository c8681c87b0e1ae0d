import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { BlockRefs } from './block-refs.ts'

test('references are counted for each block, however far apart they are', () => {
  const refs = new BlockRefs()
  const blocks = [1, 16_383, 16_384, 1_000_000]
  for (const block of blocks) equal(refs.has(block), false)
  for (const block of blocks) {
    refs.retain(block)
    refs.retain(block)
  }
  for (const block of blocks) {
    equal(refs.release(block), false)
    equal(refs.has(block), true)
    equal(refs.release(block), true)
    equal(refs.has(block), false)
  }
  equal(refs.has(999_999), false)
})

test('one more takes little memory, however many there are', () => {
  const refs = new BlockRefs()
  refs.retain(4_000_000)
  const before = process.memoryUsage().arrayBuffers
  for (let block = 4_000_001; block < 4_300_000; block++) refs.retain(block)
  const grownBytes = process.memoryUsage().arrayBuffers - before
  ok(grownBytes < 4_000_000, `${grownBytes} bytes more`)
})
