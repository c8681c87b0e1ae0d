import { equal } from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { createMac } from './mac.ts'

test('a MAC of whatever length is the HMAC that Node makes', () => {
  const mac = createMac()
  const text = fc.string({ unit: 'binary', maxLength: 40 })
  fc.assert(
    fc.property(
      fc.constantFrom('sha1', 'sha256', 'sha512'),
      fc.uint8Array({ maxLength: 200 }),
      text,
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom(32_000, 40_000).map((size) => new Uint8Array(size)),
      ),
      text,
      fc.constantFrom('hex', 'base64'),
      (hash, given, before, body, after, encoding) => {
        const key = new Uint8Array(given)
        const expected = createHmac(hash, key).update(before).update(body).update(after).digest(encoding)
        for (let time = 0; time < 2; time++) equal(mac({ hash, key, before, body, after, encoding }), expected)
      },
    ),
  )
})
