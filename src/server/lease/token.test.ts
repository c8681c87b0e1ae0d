import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { createTokens } from './token.ts'

test('a token is worth something for its queue, its principal and its key alone', () => {
  const key = new Uint8Array(32).fill(1)
  const tokens = createTokens(key)
  const holding = { id: '01890000-0000-7000-8000-000000000000', token: 'era.7.9', leasedAt: 1_700_000_000_000 }
  const text = tokens.wrap(holding, 'a', 'platform')
  deepEqual(tokens.unwrap(text, 'a', 'platform'), holding)
  equal(tokens.unwrap(text, 'b', 'platform'), null)
  equal(tokens.unwrap(text, 'a', 'app'), null)
  equal(createTokens(new Uint8Array(32).fill(2)).unwrap(text, 'a', 'platform'), null)
  for (const wrong of ['', '.', '..', text.slice(1), text.replace('era', 'erb'), `${text}x`, 'x'.repeat(1_000)])
    equal(tokens.unwrap(wrong, 'a', 'platform'), null, wrong)
})
