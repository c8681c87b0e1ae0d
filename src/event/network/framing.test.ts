// Messages on a stream of bytes that comes in the smallest pieces.
import { deepEqual, ok } from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { test } from 'node:test'
import { Frames } from './framing.ts'

const TEXT = 'x'.repeat(10_000)

test('a message that comes byte by byte costs no more than one that comes whole', (t) => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(TEXT.length)
  for (const [framing, bytes] of [
    ['line', Buffer.from(`${TEXT}\n`)],
    ['length', Buffer.concat([head, Buffer.from(TEXT)])],
  ] as const) {
    const frames = new Frames(framing, 1 << 20)
    const joined = t.mock.method(Buffer, 'concat')
    const texts: string[] = []
    let pieces = 0
    for (let at = 0; at < 3 * bytes.byteLength; at++)
      texts.push(...frames.push(bytes.subarray(at % bytes.byteLength, (at % bytes.byteLength) + 1)))
    for (const { arguments: given } of joined.mock.calls) pieces += given[0].length
    joined.mock.restore()
    deepEqual(texts, [TEXT, TEXT, TEXT])
    ok(pieces <= 12, `${pieces} pieces were joined`)
  }
})
