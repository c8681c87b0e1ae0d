// Which message is handed out next: keys, delays, retries, priority and age.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Context } from '../../conformance/index.ts'
import type { QueueSettings } from '../../core/settings.ts'
import { memorySubject } from '../../../test/conformance/memory-subject.ts'

async function open(): Promise<Context> {
  const context = new Context(await memorySubject.create(), { hints: 'deliver' })
  await context.open()
  return context
}

test('a key is one at a time and in order, over retries with delays and releases', async () => {
  const ctx = await open()
  const ids = await ctx.sendMany('q', 3, { key: 'k' })
  const other = await ctx.send('q', { key: 'l' })
  const [first, second] = await ctx.lease('q')
  deepEqual([first!.stored.id, second!.stored.id], [ids[0], other])
  await ctx.retry(first!.token, { afterMs: 100 })
  deepEqual(await ctx.leasedIds('q'), [])
  equal((await ctx.depth('q')).held, 2)
  await ctx.advance(100)
  const again = await ctx.leaseOne('q')
  equal(again.stored.id, ids[0])
  await ctx.release(again.token)
  const third = await ctx.leaseOne('q')
  equal(third.stored.id, ids[0])
  await ctx.ack(third.token)
  deepEqual(await ctx.leasedIds('q'), [ids[1]])
})

test('a delayed message enters the line of its key when it is first due', async () => {
  const ctx = await open()
  const late = await ctx.send('q', { key: 'k', delay: { afterMs: 50 } })
  const soon = await ctx.send('q', { key: 'k' })
  await ctx.advance(20)
  const sooner = await ctx.send('q', { key: 'k' })
  await ctx.advance(50)
  const order = []
  for (let count = 0; count < 3; count++) {
    const { stored, token } = await ctx.leaseOne('q')
    order.push(stored.id)
    await ctx.ack(token)
  }
  deepEqual(order, [soon, sooner, late])
})

test('a held message that ends leaves the line, a buried head frees it, and a redriven one goes to its tail', async () => {
  const ctx = await open()
  const [a, b, c] = (await ctx.sendMany('q', 3, { key: 'k' })) as [string, string, string]
  await ctx.commit({ do: 'cancel', messages: [{ queue: 'q', id: b }] })
  const head = await ctx.leaseOne('q')
  await ctx.bury(head.token)
  await ctx.commit({ do: 'redrive', messages: [{ queue: 'q', id: a }] })
  equal((await ctx.find('q', a))!.state, 'held')
  const next = await ctx.leaseOne('q')
  equal(next.stored.id, c)
  await ctx.ack(next.token)
  const last = await ctx.leaseOne('q')
  deepEqual([last.stored.id, last.stored.failed, last.stored.failures.length], [a, 0, 1])
})

test('fifo is by place alone, priority by priority, and age makes up for it, whatever the settings were on arrival', async () => {
  const ctx = await open()
  const low = await ctx.send('q', { priority: 0 })
  await ctx.advance(89)
  const high = await ctx.send('q', { priority: 9 })
  const order = async (pick: QueueSettings['pick']): Promise<readonly string[]> => {
    const copy = `copy-${pick.by}-${pick.agingMs}`
    await ctx.configure(copy, { pick })
    for (const id of [low, high])
      await ctx.commit({ do: 'restore', message: { ...(await ctx.find('q', id))!, queue: copy } })
    return ctx.leasedIds(copy)
  }
  deepEqual(await order({ by: 'fifo' }), [low, high])
  deepEqual(await order({ by: 'priority' }), [high, low])
  await ctx.configure('q', { pick: { by: 'priority', agingMs: 10 } })
  equal((await ctx.leaseOne('q')).stored.id, high, 'older by 89 ms, and 9 priorities are worth 90 ms')
  await ctx.advance(2)
  const fresh = await ctx.send('q', { priority: 9 })
  deepEqual(await ctx.leasedIds('q'), [low, fresh])
})

test('messages of one moment are handed out as they arrived, also when they come back in another order', async () => {
  const ctx = await open()
  const ids = await ctx.sendMany('q', 50)
  const deliveries = await ctx.lease('q')
  for (const { token } of deliveries.toReversed()) await ctx.release(token)
  deepEqual(await ctx.leasedIds('q'), ids)
})

test('the next moment at which time alone makes something ready is exact', async () => {
  const ctx = await open()
  let asked = 0
  const next = async (): Promise<number | null> =>
    (
      await ctx.engine.lease({
        id: String(asked++),
        worker: 'w',
        holder: 'client',
        leaseMs: 700,
        wants: [
          { queue: 'q', max: 1 },
          { queue: 'none', max: 1 },
        ],
      })
    ).nextReadyInMs
  equal(await next(), null)
  await ctx.send('q', { delay: { afterMs: 500 } })
  equal(await next(), 500)
  await ctx.send('q', { delay: { at: ctx.clock.wallMs() + 300 } })
  equal(await next(), 300)
  await ctx.send('q')
  equal(await next(), 300)
  await ctx.advance(200)
  equal(await next(), 100)
  await ctx.configure('q', { paused: true })
  equal(await next(), null)
})

test('what waits behind the head of a key becomes ready when the head expires', async () => {
  const ctx = await open()
  await ctx.send('q', { key: 'k', expires: { afterMs: 40 }, delay: { afterMs: 10 } })
  await ctx.advance(20)
  const held = await ctx.send('q', { key: 'k' })
  ok((await ctx.depth('q')).held === 1)
  await ctx.advance(20)
  deepEqual(await ctx.leasedIds('q'), [held])
})
