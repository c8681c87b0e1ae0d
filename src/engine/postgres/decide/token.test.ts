import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { parseToken, TokenMint, TokenReader } from './token.ts'

const IDS = ['01a200ae-6107-7624-9d16-4cf223b98e3b', '01a200ae-6108-73bb-92fb-4d7b1e30866f'] as const

test('a reader says of each token what parsing it says, whatever it read before', () => {
  const reader = new TokenReader()
  const sound = [
    new TokenMint(4098, 1),
    new TokenMint(4098, 36),
    new TokenMint(0, 1),
    new TokenMint(2 ** 53 - 1, 2 ** 31 - 1),
  ]
  const hex = IDS[0].replaceAll('-', '')
  const odd = [
    '',
    hex,
    `.${hex}`,
    `35u.1.${hex.slice(1)}`,
    `35u.1.${hex}0`,
    `35u.1.${hex.toUpperCase()}`,
    `35u.1.${hex.slice(1)}g`,
    `035u.1.${hex}`,
    `35u.01.${hex}`,
    `zzzzzzzzzzz.1.${hex}`,
    ` 35u.1.${hex}`,
    null,
    7,
  ]
  for (let round = 0; round < 2; round++) {
    for (const mint of sound) {
      for (const id of IDS) {
        const token = mint.token(id)
        deepEqual(reader.read(token), { ...parseToken(token), id: id.replaceAll('-', '') })
        for (const each of odd) equal(reader.read(each), parseToken(each), String(each))
      }
    }
  }
})
