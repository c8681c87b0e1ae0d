import { ok } from 'node:assert/strict'
import { test } from 'node:test'
import { CHUNK_SLOTS, Slots } from './slots.ts'

test('what messages take is no reason for V8 to look for garbage', () => {
  const slots = new Slots()
  const before = process.memoryUsage().external
  slots.reach(20 * CHUNK_SLOTS)
  for (const chunk of slots.chunks) chunk.own('key').fill(1)
  const grown = process.memoryUsage().external - before
  ok(slots.chunks.length >= 20)
  ok(grown < CHUNK_SLOTS, `${grown} bytes are counted`)
})
