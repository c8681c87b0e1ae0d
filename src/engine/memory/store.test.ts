import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../core/message.ts'
import { MemoryStore } from './store.ts'

const message = (body: Uint8Array): Message => ({
  id: '01932c07-0000-7000-8000-000000000000',
  event: { id: '1', source: 'test', type: 'test' },
  body,
  priority: 4,
})

test('what is kept does not keep the larger piece of memory that it was cut from', () => {
  const { blocks } = new MemoryStore()
  const large = new Uint8Array(65_536).fill(7)
  const { body } = blocks.readMessage(blocks.addMessage(message(large.subarray(100, 110)))) as Message
  deepEqual(body, new Uint8Array(10).fill(7))
  equal(body.buffer.byteLength, 10)
  equal((blocks.readBytes(blocks.addBytes(large.subarray(0, 3))) as Uint8Array).buffer.byteLength, 3)
})

test('what has memory of its own stays the object it came as', () => {
  const { blocks } = new MemoryStore()
  const sent = message(new Uint8Array(10))
  equal(blocks.readMessage(blocks.addMessage(sent)), sent)
})
