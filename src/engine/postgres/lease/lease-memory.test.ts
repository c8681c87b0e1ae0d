import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { Delivery, LeaseResult } from '../../../core/engine.ts'
import { LeaseMemory } from './lease-memory.ts'

const given = (...deliveries: readonly (readonly [token: string, queue: string])[]): Promise<LeaseResult> =>
  Promise.resolve({
    deliveries: deliveries.map(([token, queue]) => ({ token, stored: { queue } }) as Delivery),
    nextReadyInMs: 7,
  })
const some = (name: string, count: number): Promise<LeaseResult> =>
  given(...Array.from({ length: count }, (_, n) => [`${name}${n}`, 'q'] as const))

test('what a request was given is known by its tokens and their queues, in order', async () => {
  const memory = new LeaseMemory(10)
  const result = given(['1', 'b'], ['2', 'a'], ['3', 'b'])
  equal(await memory.remember('x', result), await result)
  const { tokens, queueOf, nextReadyInMs } = (await memory.recall('x'))!
  deepEqual(
    tokens.map((token) => [token, queueOf(token)]),
    [
      ['1', 'b'],
      ['2', 'a'],
      ['3', 'b'],
    ],
  )
  equal(nextReadyInMs, 7)
  equal(memory.knows('x'), true)
  memory.forget('x')
  equal(memory.knows('x'), false)
  equal(await memory.recall('x'), null)
})

test('of one that is under way the answer is waited for; nothing given is nothing to know', async () => {
  const memory = new LeaseMemory(10)
  const { promise, resolve } = Promise.withResolvers<LeaseResult>()
  const asked = memory.remember('x', promise)
  equal(memory.knows('x'), true)
  const recalled = memory.recall('x')
  resolve(await given(['1', 'a']))
  await asked
  deepEqual((await recalled)!.tokens, ['1'])
  await memory.remember('y', given())
  equal(await memory.recall('y'), null)
  await rejects(memory.remember('z', Promise.reject(new Error('away'))), /away/)
  equal(await memory.recall('z'), null)
})

test('the oldest are forgotten: beyond so many requests, and beyond so many messages', async () => {
  const memory = new LeaseMemory(3, 10)
  for (const id of ['a', 'b', 'c', 'd']) await memory.remember(id, some(id, 1))
  equal(await memory.recall('a'), null)
  equal((await memory.recall('b'))!.tokens.length, 1)
  await memory.remember('e', some('e', 9))
  equal(await memory.recall('c'), null)
  equal((await memory.recall('d'))!.tokens.length, 1)
  await memory.remember('e', some('e', 2))
  await memory.remember('f', some('f', 7))
  equal((await memory.recall('d'))!.tokens.length, 1, 'what was asked for again counts once')
  await memory.remember('g', some('g', 11))
  equal(await memory.recall('g'), null, 'too many to keep')
})
