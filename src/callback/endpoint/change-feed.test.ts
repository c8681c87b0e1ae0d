import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { createIds } from '../../core/id.ts'
import { createMemoryEngine } from '../../engine/memory/engine.ts'
import { CHANGED_KEY, changeOf, ChangeFeed } from './change-feed.ts'

test('a change is read once, whoever made it, also by a clock that is a little off; one that is far off is a change of all', async () => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock, ids: createIds(clock) })
  const change = async (id: string | null, offMs = 0): Promise<void> => {
    const other = new ManualClock(clock.wallMs() + offMs)
    await engine.commit([{ changes: changeOf(id, other) }])
  }
  const feed = new ChangeFeed({ engine, clock })
  const read = async (): Promise<readonly string[] | 'all'> => {
    const [last] = await engine.get([CHANGED_KEY])
    const ids = await feed.read(last!)
    return ids === 'all' ? ids : ids.toSorted()
  }
  await change('a')
  await change('b', -20_000)
  await change('b', 20_000)
  deepEqual(await read(), ['a', 'b'])
  deepEqual(await read(), [])
  clock.advance(60_000)
  await change('c', -25_000)
  deepEqual(await read(), ['c'])
  await change(null)
  await change('d')
  equal(await read(), 'all')
  deepEqual(await read(), [])
  await change('e', -100_000)
  equal(await read(), 'all')
  // One change a moment later hides it.
  await change('f', -100_000)
  await change('g')
  deepEqual(await read(), ['g'])
  for (let n = 0; n < 201; n++) await change(`many-${n}`)
  equal(await read(), 'all')
  await engine.close()
})

test('who has not looked for longer than changes are kept reads all, and so does who would read very many again and again', async () => {
  const clock = new ManualClock()
  const engine = createMemoryEngine({ clock, ids: createIds(clock) })
  const change = (id: string) => engine.commit([{ changes: changeOf(id, clock) }])
  const feed = new ChangeFeed({ engine, clock })
  const read = async () => feed.read((await engine.get([CHANGED_KEY]))[0]!)
  await change('a')
  clock.advance(700_000)
  await change('b')
  equal(await read(), 'all')
  for (let n = 0; n < 1_000; n++) {
    await change('c')
    clock.advance(1)
  }
  await change('d')
  equal(await read(), 'all')
  await change('e')
  equal(await read(), 'all')
  clock.advance(40_000)
  equal(await read(), 'all')
  await change('f')
  deepEqual(await read(), ['f'])
  await engine.close()
})
