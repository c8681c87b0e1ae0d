import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { describeError, isPosthornError, toText } from './error.ts'

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const mute = Object.defineProperty(new Error('x'), 'message', {
  get() {
    throw new Error('no')
  },
})
const trap = new Proxy(
  {},
  {
    has() {
      throw new Error('trap')
    },
  },
)

test('whatever is thrown has a text, and asking for it never throws', () => {
  for (const thrown of [1n, cyclic, undefined, null, Symbol('s'), () => 1, Object.create(null), mute, trap, [1n]]) {
    equal(typeof describeError(thrown).message, 'string')
    equal(typeof toText(thrown), 'string')
    equal(isPosthornError(thrown), false)
  }
  equal(describeError('text').message, 'text')
  equal(describeError(1n).message, '1')
  equal(describeError({ code: 7 }).message, '{"code":7}')
  equal(describeError(Object.assign(new Error('x'), { message: { a: 1 }, stack: 5 })).message, '{"a":1}')
  equal('stack' in describeError(Object.assign(new Error('x'), { stack: 5 })), false)
})

test('long texts are cut, because they ride in records and messages', () => {
  const { message, stack } = describeError(new Error('x'.repeat(1_000_000)))
  ok(message.length < 3_000 && stack!.length < 3_000)
})
