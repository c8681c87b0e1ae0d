import { equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeHeader, encodeHeader } from './header.ts'
import { seedOfRun } from '../../../test/seed.ts'

const seed = seedOfRun()

test('the vector of the specification', () => {
  equal(encodeHeader('Euro € 😀'), 'Euro%20%E2%82%AC%20%F0%9F%98%80')
  equal(decodeHeader('Euro%20%E2%82%AC%20%F0%9F%98%80', 'ce-subject'), 'Euro € 😀')
})

test('space, double quote and percent are escaped, other printable ASCII is not', () => {
  equal(encodeHeader('a b "100%" ~!#$&\'()*+,-./'), "a%20b%20%22100%25%22%20~!#$&'()*+,-./")
})

test('needless and lower-case escapes and quoted strings are understood', () => {
  equal(decodeHeader('%41%e2%82%ac', 'ce-x'), 'A€')
  equal(decodeHeader('"a \\"b\\" %20"', 'ce-x'), 'a "b"  ')
  equal(decodeHeader('"', 'ce-x'), '"')
  equal(decodeHeader('%2541', 'ce-x'), '%41', 'one round of decoding')
})

test('what is not UTF-8 is refused', () => {
  for (const value of ['%C0%A0', '%', '%4', '%zz', '%FF', 'Ã¤', '\u0001'])
    throws(() => decodeHeader(value, 'ce-x'), { code: 'invalid-event' }, value)
})

test(`every text comes back (seed ${seed})`, () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const encoded = encodeHeader(text)
      equal(/^[\x21-\x7e]*$/.test(encoded), true)
      equal(decodeHeader(encoded, 'ce-x'), text)
    }),
    { seed },
  )
})
