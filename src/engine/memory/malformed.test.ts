// What comes from outside may be anything. Nonsense is refused to who sent it; it must not stop the engine for all others.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { Context } from '../../conformance/index.ts'
import type { Change, Commit } from '../../core/engine.ts'
import { memorySubject } from '../../../test/conformance/memory-subject.ts'

async function open(): Promise<Context> {
  const context = new Context(await memorySubject.create(), { hints: 'deliver' })
  await context.open()
  return context
}

test('a malformed change is refused, and the engine goes on', async () => {
  const ctx = await open()
  await ctx.sendMany('q', 2)
  const { token, stored } = await ctx.leaseOne('q')
  const message = ctx.message()
  const error = { code: 'odd', message: 'odd' }
  const malformed: unknown[] = [
    { do: 'retry', token, error },
    { do: 'retry', token, delay: { afterMs: 0 } },
    { do: 'retry', token, error, delay: { afterMs: 0, at: NaN } },
    { do: 'release', token },
    { do: 'release', token, delay: null },
    { do: 'bury', token },
    { do: 'cancel', messages: [null] },
    { do: 'cancel', messages: [undefined] },
    { do: 'redrive', messages: [{ queue: 'q', id: [stored.id] }] },
    { do: 'send', queue: 'q', message: { ...message, id: [message.id] } },
    { do: 'send', queue: 'q', message: { ...message, body: 'text' } },
    { do: 'send', queue: 'q', message: { ...message, report: ['q'] } },
    { do: 'restore', message: { ...stored, id: message.id, message, failures: undefined } },
    { do: 'restore', message: { ...stored, id: message.id, message, failures: [{}] } },
    { do: 'restore', message: { ...stored, id: message.id, message, queue: ['q'] } },
    { do: 'restore', message: { ...stored, id: message.id, message, state: 'dead', endedAt: NaN } },
    { do: 'restore', message: { ...stored, id: message.id, message, state: 'dead', reason: {} } },
    { do: 'restore', message: { ...stored, id: message.id, message, acquired: 2 ** 40 } },
  ]
  for (const change of malformed) equal((await ctx.refusal(change as Change)).code, 'invalid', JSON.stringify(change))
  for (const commits of [null, [null], {}])
    await rejects(ctx.engine.commit(commits as unknown as Commit[]), { code: 'invalid' })
  await rejects(ctx.engine.lease(null as never), { code: 'invalid' })
  await rejects(ctx.engine.extend(null as never, 1), { code: 'invalid' })
  await ctx.ack(token)
  equal((await ctx.depth('q')).ready, 1)
})

test('a cursor that no page gave is refused, instead of beginning anew', async () => {
  const ctx = await open()
  await ctx.sendMany('q', 3)
  for (const after of ['x', '', '-1', '1e9', 'NaN'])
    await rejects(ctx.engine.browse({ queue: 'q', state: 'ready', after, limit: 1 }), { code: 'invalid' }, after)
  await ctx.commit({ do: 'retain', topic: 't', retention: { ms: null, count: 10 } })
  for (const from of [{ position: 'x' }, { at: NaN }, 'then', null])
    await rejects(ctx.engine.read({ topic: 't', from: from as never, limit: 1 }), { code: 'invalid' })
})

test('bounded: a page of large messages is short, and the next goes on', async () => {
  const ctx = await open()
  const body = new Uint8Array(15 * 1_048_576)
  const ids = Array.from({ length: 5 }, () => ctx.message())
  for (const message of ids) await ctx.commit({ do: 'send', queue: 'q', message: { ...message, body } })
  const seen: string[] = []
  for (let after: string | null = null, pages = 0; pages < 3; pages++) {
    const page = await ctx.engine.browse({ queue: 'q', state: 'ready', after, limit: 10 })
    seen.push(...page.items.map(({ id }) => id))
    equal(page.next === null, pages === 2)
    after = page.next
  }
  deepEqual(
    seen,
    ids.map(({ id }) => id),
  )
})

test('conserved: a redriven message restored elsewhere has its few failures and its long history', async () => {
  const [from, to] = [await open(), await open()]
  await from.send('q')
  for (const code of ['one', 'two']) await from.retry((await from.leaseOne('q')).token, { afterMs: 0 }, code)
  const { token, stored } = await from.leaseOne('q')
  await from.bury(token, 'bad')
  await from.commit({ do: 'redrive', messages: [{ queue: 'q', id: stored.id }] })
  const redriven = await from.find('q', stored.id)
  await to.commit({ do: 'restore', message: redriven! })
  const copy = await to.find('q', stored.id)
  deepEqual([copy!.failed, copy!.failures.length], [0, 3])
})
