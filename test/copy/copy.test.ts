// A copy holds everything, between any two engines, and says so itself: what can be seen through the contract is the same, what is handed
// out comes in the same order, and what must not be copied is refused.

import { deepEqual, equal, notEqual, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { copy } from '../../src/copy.ts'
import { open } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { findPostgres } from '../postgres/server.ts'
import { drain, fill, isSame, message, seen } from './fill.ts'
import { engineOf, newPlace, withEngine, type Kind } from './place.ts'

const found = await findPostgres()
const server = typeof found === 'string' ? null : found.url
const KINDS: readonly Kind[] = ['file', 'sqlite', 'postgres']

for (const from of KINDS) {
  for (const to of KINDS) {
    const skip = (from === 'postgres' || to === 'postgres') && server === null ? (found as string) : false
    test(
      `${from} to ${to}: all that can be seen is the same, and is handed out in the same order`,
      { skip },
      async (t) => {
        const [source, target] = [await newPlace(t, from, server!), await newPlace(t, to, server!)]
        await withEngine(source, (engine) => fill(engine, 120))
        const report = await copy(source, target)
        ok(report.counts.messages.held > 50 && report.counts.events > 200 && report.resumedAfter === 0)
        const views = [await withEngine(source, seen), await withEngine(target, seen)]
        isSame(views[1]!, views[0]!)
        const orders = [await withEngine(source, drain), await withEngine(target, drain)]
        isSame(orders[1]!, orders[0]!)
        ok(orders[0]!.length > 200)
      },
    )
  }
}

test('memory to memory, by posts of this process, and onwards', async (t) => {
  await using one = await open('memory:', { log: silentLog })
  await using two = await open('memory:', { log: silentLog })
  await fill(engineOf(one), 120)
  const report = await copy(one, two)
  isSame(await seen(engineOf(two)), await seen(engineOf(one)))
  const file = await newPlace(t, 'file', '')
  const sqlite = await newPlace(t, 'sqlite', '')
  equal((await copy(two, file)).checksum, report.checksum)
  equal((await copy(file, sqlite)).checksum, report.checksum)
  await using back = await open('memory:', { log: silentLog })
  equal((await copy(sqlite, back)).checksum, report.checksum)
  isSame(await drain(engineOf(back)), await drain(engineOf(one)))
})

test('tokens of the source hold nothing in the target, and leases stand there until their time', async (t) => {
  for (const kind of KINDS.filter((each) => each !== 'postgres' || server !== null)) {
    const [source, target] = [await newPlace(t, kind, server!), await newPlace(t, kind, server!)]
    const wants = [{ queue: 'a', max: 2 }]
    const tokens = await withEngine(source, async (engine) => {
      await engine.commit([
        {
          changes: [
            { do: 'send', queue: 'a', message: message() },
            { do: 'send', queue: 'a', message: message() },
          ],
        },
      ])
      const { deliveries } = await engine.lease({ id: 'one', worker: 'w', holder: 'client', leaseMs: 1_500, wants })
      return deliveries.map(({ token }) => token)
    })
    await copy(source, target)
    await withEngine(target, async (engine) => {
      const [result] = await engine.commit([{ changes: tokens.map((token) => ({ do: 'ack' as const, token })) }])
      deepEqual([result?.status, result?.status === 'refused' && result.code], ['refused', 'stale'], kind)
      let came = 0
      for (let ask = 0; came < 2; ask++) {
        const { deliveries, nextReadyInMs } = await engine.lease({
          id: `ask-${ask}`,
          worker: 'w',
          holder: 'client',
          leaseMs: 60_000,
          wants,
        })
        came += deliveries.length
        for (const { stored } of deliveries) equal(stored.acquired, 2)
        await new Promise((resolve) => setTimeout(resolve, Math.min(nextReadyInMs ?? 10, 200)))
      }
    })
  }
})

test('versions, positions and commit ids go on where they were', async (t) => {
  const [source, target] = [await newPlace(t, 'file', ''), await newPlace(t, 'sqlite', '')]
  await withEngine(source, (engine) => fill(engine, 50))
  await copy(source, target)
  await withEngine(target, async (engine) => {
    const [known] = await engine.get(['mine/1'])
    const put = { do: 'put' as const, key: 'mine/1', value: new Uint8Array([1]), ifVersion: known!.version }
    const [taken] = await engine.commit([{ changes: [put] }])
    ok(taken?.status === 'committed')
    notEqual((taken.results[0] as { readonly version: string }).version, known!.version)
    const [again] = await engine.commit([{ id: 'commit é \\', changes: [] }])
    ok(again?.status === 'committed' && again.replayed)
    const [duplicate] = await engine.commit([
      { changes: [{ do: 'send', queue: 'later', message: message({ dedupe: 'once' }) }] },
    ])
    ok(duplicate?.status === 'committed' && (duplicate.results[0] as { readonly duplicate: boolean }).duplicate)
    const { items } = await engine.read({ topic: 'orders', from: 'beginning', limit: 1_000 })
    await engine.commit([{ changes: [{ do: 'publish', topic: 'orders', message: message() }] }])
    const next = await engine.read({ topic: 'orders', from: { position: items.at(-1)!.position }, limit: 10 })
    equal(next.items.length, 1)
  })
})

test('what cannot be copied is refused by name', async (t) => {
  const [file, other] = [await newPlace(t, 'file', ''), await newPlace(t, 'file', '')]
  const sqlite = await newPlace(t, 'sqlite', '')
  await rejects(copy(file, sqlite), { code: 'invalid', message: /there is no folder/ })
  await rejects(copy(sqlite, file), { code: 'invalid', message: /there is no database/ })
  await rejects(copy('memory:', file), { code: 'unknown-engine' })
  await withEngine(file, (engine) => fill(engine, 20))
  await withEngine(other, (engine) => fill(engine, 1))
  await rejects(copy(file, other), { code: 'invalid', message: /is not empty/ })
  await using held = await open(file, { log: silentLog })
  await rejects(copy(file, sqlite), { code: 'engine-locked' })
  await held.close()
  await copy(file, sqlite)
  await rejects(copy(file, sqlite), { code: 'invalid', message: /is not empty/ })
})
