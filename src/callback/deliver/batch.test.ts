import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import type { Run } from '../../delivery/binding.ts'
import { done } from '../../delivery/outcome.ts'
import { Batch } from './batch.ts'

const runOf = (id: string, sizeBytes = 0, failed = 0): Run =>
  ({ delivery: { stored: { id, failed, message: { body: new Uint8Array(sizeBytes) } } } }) as unknown as Run

function begin(deliver?: (runs: readonly Run[]) => Promise<never>) {
  const calls: string[][] = []
  const batch = new Batch(
    deliver ??
      (async (runs) => {
        calls.push(runs.map((run) => run.delivery.stored.id))
        return runs.map((run) => done(run.delivery.stored.id))
      }),
  )
  return { calls, join: (runs: readonly Run[]) => Promise.all(runs.map((run) => batch.join(run))) }
}

test('what begins together is one call, and each has its own outcome', async () => {
  const { calls, join } = begin()
  deepEqual(await join(['a', 'b', 'c'].map((id) => runOf(id))), [done('a'), done('b'), done('c')])
  await join([runOf('d')])
  deepEqual(calls, [['a', 'b', 'c'], ['d']])
})

test('what has failed goes alone', async () => {
  const { calls, join } = begin()
  await join([runOf('a'), runOf('again', 0, 1), runOf('b')])
  deepEqual(calls, [['again'], ['a', 'b']])
})

test('a batch has an end: of events, and of bytes', async () => {
  const { calls, join } = begin()
  await join(Array.from({ length: 250 }, (_, at) => runOf(`${at}`)))
  deepEqual(
    calls.splice(0).map(({ length }) => length),
    [100, 100, 50],
  )
  await join([runOf('a', 100_000), runOf('b', 100_000), runOf('c', 100_000), runOf('large', 1_000_000), runOf('d')])
  deepEqual(calls, [['a', 'b'], ['c'], ['large'], ['d']])
})

test('a call that is given up is that of each', async () => {
  let count = 0
  const { join } = begin(async () => {
    count++
    throw new Error('given up')
  })
  await rejects(join([runOf('a'), runOf('b')]), /given up/)
  equal(count, 1)
})
