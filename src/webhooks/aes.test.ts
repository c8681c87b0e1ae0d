import { deepEqual, throws } from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { decryptBlocks, encryptBlocks, pad, unpad } from './aes.ts'

test('blocks are encrypted as Node does without padding, and decrypted again, however many they are', async () => {
  const [key, iv] = [Uint8Array.from(randomBytes(32)), Uint8Array.from(randomBytes(16))]
  for (const count of [0, 1, 2, 7]) {
    const plain = Uint8Array.from(randomBytes(count * 16))
    const sealed = await encryptBlocks(key, iv, plain)
    const cipher = createCipheriv('aes-256-cbc', key, iv).setAutoPadding(false)
    deepEqual(Buffer.from(sealed), Buffer.concat([cipher.update(plain), cipher.final()]))
    deepEqual(await decryptBlocks(key, iv, sealed), plain)
  }
})

test('padding is taken off exactly, and what is none is told', () => {
  for (const size of [16, 32]) {
    for (let length = 0; length <= size * 2; length += 1) {
      const plain = new Uint8Array(length).fill(1)
      deepEqual(unpad(pad(plain, size), size), plain)
    }
    for (const tail of [[0], [size + 1], [2, 3, 3], [3]]) {
      const padded = new Uint8Array(size).fill(9)
      padded.set(tail, size - tail.length)
      throws(() => unpad(padded, size), TypeError, tail.join())
    }
  }
})
