import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../core/clock.ts'
import { Statements } from '../sql/statement.ts'
import type { Connection } from './driver.ts'
import { Ear } from './ear.ts'

function earOf() {
  const clock = new ManualClock()
  const said: string[] = []
  const answers: ((error?: Error) => void)[] = []
  const query: Connection['query'] = ({ text }) => {
    said.push(text)
    return new Promise((resolve, reject) =>
      answers.push((error) => (error === undefined ? resolve({ rows: [] }) : reject(error))),
    )
  }
  const ear = new Ear({ connection: { query } as Connection, statements: new Statements('s', true), clock })
  return { clock, ear, said, answer: (error?: Error) => answers.shift()!(error) }
}

test('a channel is heard when the server has said so, and asked for once', async () => {
  const { ear, said, answer } = earOf()
  const first = ear.listenTo(['a', 'b'])
  equal(await ear.listenTo(['a']), false)
  equal(ear.hears(['a']), false)
  answer()
  equal(await first, true)
  equal(ear.hears(['a', 'b']), true)
  equal(ear.hears(['a', 'c']), false)
  deepEqual(said, ['listen "a"; listen "b"'])
})

test('what nobody watches for long is heard no more, until somebody does', async () => {
  const { clock, ear, said, answer } = earOf()
  const listening = ear.listenTo(['a', 'b'])
  answer()
  await listening
  const isWatched = (channel: string): boolean => channel === 'a'
  clock.advance(29_000)
  await ear.letGoOf(isWatched)
  equal(said.length, 1)
  clock.advance(1_000)
  const letGo = ear.letGoOf(isWatched)
  equal(ear.hears(['b']), false)
  answer()
  await letGo
  const again = ear.listenTo(['a', 'b'])
  answer()
  equal(await again, true)
  equal(ear.hears(['a', 'b']), true)
  deepEqual(said.slice(1), ['unlisten "b"', 'listen "b"'])
})

test('what the server did not let it hear is asked for again', async () => {
  const { ear, said, answer } = earOf()
  const first = ear.listenTo(['a'])
  answer(new Error('canceling statement due to user request'))
  await rejects(first, /canceling/)
  equal(ear.hears(['a']), false)
  const again = ear.listenTo(['a'])
  answer()
  equal(await again, true)
  equal(ear.hears(['a']), true)
  deepEqual(said, ['listen "a"', 'listen "a"'])
})

test('a channel is heard for a while after the last who watched it, though nobody did whenever it was looked', async () => {
  const { clock, ear, said, answer } = earOf()
  const listening = ear.listenTo(['a'])
  answer()
  await listening
  const isWatched = (): boolean => false
  clock.advance(29_000)
  equal(await ear.listenTo(['a']), false)
  clock.advance(29_000)
  const keeping = ear.letGoOf(isWatched)
  equal(ear.hears(['a']), true)
  await keeping
  clock.advance(1_000)
  const letGo = ear.letGoOf(isWatched)
  answer()
  await letGo
  equal(ear.hears(['a']), false)
  deepEqual(said, ['listen "a"', 'unlisten "a"'])
})
