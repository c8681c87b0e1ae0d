import { doesNotThrow, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { checkKnown } from './option.ts'

test('an option that there is not is told, with the nearest that there is', () => {
  const known = ['key', 'delay', 'expires']
  doesNotThrow(() => checkKnown('send', { delay: 1 }, known))
  throws(() => checkKnown('send', { dely: 1 }, known), { code: 'invalid-option', message: /did you mean 'delay'\?/ })
  throws(() => checkKnown('send', { colour: 1 }, known), {
    message: /'colour' is no option\. There are: key, delay, expires/,
  })
})
