import { equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { silentLog } from '../../runtime/log.ts'
import { Readers } from './readers.ts'

const newReaders = () => {
  const engine = {
    commit: () => Promise.reject(new Error('nothing is held')),
    extend: () => Promise.reject(new Error('nothing is held')),
  }
  return new Readers({ engine, clock: new ManualClock(), log: silentLog }, new AbortController().signal)
}

test('whose client has gone is waited for by the next: what it had asked for is under way', async () => {
  const readers = newReaders()
  const first = await readers.take('q', false)
  await rejects(readers.take('q', false), { code: 'stream-in-use' })
  first.end()
  equal(first.signal.aborted, true)
  let taken = false
  const next = readers.take('q', false).finally(() => (taken = true))
  await new Promise((resolve) => setImmediate(resolve))
  equal(taken, false)
  await first[Symbol.asyncDispose]()
  await using second = await next
  equal(second.signal.aborted, false)
})

test('of two who wait for one that has gone, one gets it', async () => {
  const readers = newReaders()
  const first = await readers.take('q', false)
  first.end()
  const both = Promise.allSettled([readers.take('q', false), readers.take('q', false)])
  await first[Symbol.asyncDispose]()
  equal((await both).map(({ status }) => status).join(), 'fulfilled,rejected')
})
