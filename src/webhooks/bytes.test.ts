import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decode, encode, fromBase64Url, toBase64Url } from './bytes.ts'

test('what is written is read, as Node writes it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (given) => {
      const bytes = Uint8Array.from(given)
      for (const encoding of ['hex', 'base64'] as const) {
        equal(encode(bytes, encoding), Buffer.from(bytes).toString(encoding))
        deepEqual(decode(encode(bytes, encoding), encoding), bytes)
      }
      equal(toBase64Url(bytes), Buffer.from(bytes).toString('base64url'))
      deepEqual(fromBase64Url(toBase64Url(bytes)), bytes)
    }),
    { numRuns: 200 },
  )
})

test('long bytes do not overrun the arguments of a call', () => {
  const bytes = new Uint8Array(300_000).fill(171)
  equal(encode(bytes, 'base64'), Buffer.from(bytes).toString('base64'))
})

test('what is not exactly the encoding is nothing', () => {
  for (const text of ['abc', 'ab!=', 'YQ', 'YQ=', 'YR==', ' YQ==', 'YQ==\n', '====', 'a===', 'Y-_='])
    equal(decode(text, 'base64'), null, text)
  for (const text of ['a', 'zz', '0x', ' 00', '00 ']) equal(decode(text, 'hex'), null, text)
})
