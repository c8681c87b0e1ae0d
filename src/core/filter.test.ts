import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFilters, compileTypes, type Filter } from './filter.ts'

const matches = (pattern: string, type: string) => compileTypes([pattern])(type)

test('a star is one segment, two stars any number', () => {
  assert.ok(matches('order.*', 'order.created'))
  assert.ok(!matches('order.*', 'order.line.added'))
  assert.ok(!matches('order.*', 'order'))
  assert.ok(matches('order.**', 'order.line.added'))
  assert.ok(matches('order.**', 'order'))
  assert.ok(!matches('order.**', 'orders.x'))
  assert.ok(matches('**.added', 'order.line.added'))
  assert.ok(matches('**.added', 'added'))
  assert.ok(matches('a.**.b', 'a.b'))
  assert.ok(matches('a.**.b', 'a.x.y.b'))
  assert.ok(matches('*.b', 'a.b'))
  assert.ok(matches('**', 'anything.at.all'))
  assert.ok(!matches('order.created', 'order.createdx'))
  assert.ok(!matches('order.created', 'orderxcreated'))
})

test('no pattern wants every type, and a bad one is named', () => {
  assert.ok(compileTypes([])('x'))
  for (const pattern of ['', '.', 'a..b', 'a.***', 'a.b*', 'a b'])
    assert.throws(() => compileTypes([pattern]), { code: 'invalid' }, pattern)
})

const event = { id: '1', source: '/shop/eu', type: 'order.paid', subject: 'o-1', amount: 12 }
const passes = (...filters: Filter[]) => compileFilters(filters)(event)

test('the six dialects of the CloudEvents Subscriptions API', () => {
  assert.ok(passes({ exact: { type: 'order.paid', subject: 'o-1' } }))
  assert.ok(!passes({ exact: { type: 'order.paid', subject: 'o-2' } }))
  assert.ok(!passes({ exact: { missing: 'x' } }))
  assert.ok(passes({ exact: { amount: '12' } }))
  assert.ok(passes({ prefix: { source: '/shop' } }, { suffix: { source: '/eu' } }))
  assert.ok(passes({ any: [{ exact: { type: 'x' } }, { prefix: { type: 'order.' } }] }))
  assert.ok(!passes({ all: [{ exact: { type: 'x' } }, { prefix: { type: 'order.' } }] }))
  assert.ok(passes({ not: { exact: { type: 'x' } } }))
  assert.ok(passes())
})

test('a wrong filter is refused where it is defined, naming the place', () => {
  const wrong: unknown[] = [
    {},
    { exact: {} },
    { exact: { type: '' } },
    { exact: { type: 1 } },
    { sql: 'true' },
    { any: [] },
    { not: null },
    null,
    { exact: { a: 'b' }, prefix: { a: 'b' } },
  ]
  for (const filter of wrong)
    assert.throws(
      () => compileFilters([filter as Filter]),
      { code: 'invalid', message: /^filters\[0\]/ },
      JSON.stringify(filter),
    )
  let deep: Filter = { exact: { type: 'x' } }
  for (let level = 0; level < 12; level++) deep = { not: deep }
  assert.throws(() => compileFilters([deep]), { message: /deep/ })
})

test('a pattern of many ** takes no longer than any other', () => {
  const matches = compileTypes([`${'**.a.'.repeat(40)}b`])
  const type = 'a.'.repeat(126)
  assert.equal(matches(`${type}c`), false)
  assert.equal(matches(`${type}b`), true)
})

test('two stars after two stars are any number still, none included', () => {
  for (const type of ['a', 'a.b', 'a.b.c']) assert.ok(matches('**.**.**.**', type), type)
})
