// What may be refused, and that a refusal leaves nothing behind: limits, dedupe, and changes of one commit that meet.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Context } from '../../conformance/index.ts'
import type { Change, CommitResult } from '../../core/engine.ts'
import type { EngineLimits } from '../ledger/limit.ts'
import { createMemoryEngine } from './engine.ts'

async function open(limits?: Partial<EngineLimits>): Promise<Context> {
  const storage = {
    open: ({ clock }: { clock: Context['clock'] }) => Promise.resolve(createMemoryEngine({ clock, limits })),
    faults: {},
  }
  const context = new Context(storage, { hints: 'deliver' })
  await context.open()
  return context
}

const limit = (messages: number | null, bytes: number | null = null) => ({ limit: { messages, bytes } })
const value = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (key: string): Change => ({ do: 'put', key, value: value('x') })
const putIf = (ifVersion: string | null): Change => ({ do: 'put', key: 'k', value: value('x'), ifVersion })
const discard = (id: string): Change => ({ do: 'discard', messages: [{ queue: 'q', id }] })
const codeOf = (result: CommitResult): string => (result.status === 'refused' ? result.code : result.status)

test('a full queue refuses sends, but not in a commit that settles, and counts what its own commit frees or fills', async () => {
  const ctx = await open()
  await ctx.configure('q', limit(2))
  const ids = await ctx.sendMany('q', 2)
  const send = (): Change => ({ do: 'send', queue: 'q', message: ctx.message() })
  deepEqual(await ctx.refusal({ do: 'put', key: 'k', value: value('x') }, send()), { code: 'full', at: 1 })
  deepEqual(await ctx.engine.get(['k']), [null])
  await ctx.commit(discard(ids[0]!), send())
  deepEqual(await ctx.refusal(discard(ids[1]!), send(), send()), { code: 'full', at: 2 })
  const { token } = await ctx.leaseOne('q')
  await ctx.commit({ do: 'ack', token }, send(), send(), send())
  equal((await ctx.depth('q')).ready, 4)
})

test('sends of one commit that are duplicates of each other count once against the limit', async () => {
  const ctx = await open()
  await ctx.configure('q', limit(1))
  const message = ctx.message({ dedupe: 'd' })
  const results = await ctx.commit(
    { do: 'send', queue: 'q', message },
    { do: 'send', queue: 'q', message },
    { do: 'send', queue: 'q', message: ctx.message({ dedupe: 'd' }) },
  )
  deepEqual(
    results.map((result) => result && 'duplicate' in result && [result.id === message.id, result.duplicate]),
    [
      [true, false],
      [true, true],
      [true, true],
    ],
  )
})

test('bytes are limited too, and come back when a message ends', async () => {
  const ctx = await open()
  await ctx.configure('q', limit(null, 10))
  await ctx.send('q', { text: 'sevenby' })
  equal((await ctx.refusal({ do: 'send', queue: 'q', message: ctx.message({ text: 'x' }) })).code, 'full')
  await ctx.ack((await ctx.leaseOne('q')).token)
  equal((await ctx.depth('q')).bytes, 0)
  await ctx.send('q', { text: 'again' })
})

test('a dedupe text is a duplicate after the end of its message, until the window from the first send is over', async () => {
  const ctx = await open()
  await ctx.configure('q', { dedupeWindowMs: 100 })
  const first = await ctx.send('q', { dedupe: 'd' })
  await ctx.ack((await ctx.leaseOne('q')).token)
  await ctx.advance(60)
  equal(await ctx.send('q', { dedupe: 'd' }), first)
  await ctx.advance(39)
  equal(await ctx.send('q', { dedupe: 'd' }), first)
  await ctx.advance(1)
  ok((await ctx.send('q', { dedupe: 'd' })) !== first)
})

test('the versions that one commit makes are seen by its own later changes', async () => {
  const ctx = await open()
  deepEqual(await ctx.refusal(putIf(null), putIf(null)), { code: 'conflict', at: 1 })
  const [result] = await ctx.commit(putIf(null))
  const { version } = result as { version: string }
  deepEqual(await ctx.refusal(putIf(version), putIf(version)), { code: 'conflict', at: 1 })
  await ctx.commit({ do: 'remove', key: 'k', ifVersion: version }, putIf(null))
  deepEqual(await ctx.refusal({ do: 'remove', key: 'k' }, { do: 'remove', key: 'k', ifVersion: version }), {
    code: 'conflict',
    at: 1,
  })
  ok((await ctx.engine.get(['k']))[0] !== null)
})

test('a token settles once, also within one commit', async () => {
  const ctx = await open()
  await ctx.send('q')
  const { token } = await ctx.leaseOne('q')
  deepEqual(
    await ctx.refusal({ do: 'send', queue: 'q', message: ctx.message() }, { do: 'ack', token }, { do: 'ack', token }),
    { code: 'stale', at: 2 },
  )
  equal((await ctx.depth('q')).leased, 1)
  await ctx.ack(token)
})

test('everything that grows has a limit, and what settles is let through', async () => {
  const ctx = await open({ queues: 2, records: 2, dedupe: 2, commitIds: 2, changes: 3 })
  const send = (queue: string, dedupe?: string): Change => ({
    do: 'send',
    queue,
    message: ctx.message(dedupe === undefined ? {} : { dedupe }),
  })
  await ctx.commit(put('a'), put('b'), put('b'))
  equal((await ctx.refusal(put('c'))).code, 'full')
  await ctx.commit(put('a'))
  await ctx.commit(send('q', '1'), send('q', '2'))
  equal((await ctx.refusal(send('q', '3'))).code, 'full')
  await ctx.commit(send('q', '1'))
  await ctx.commit(send('r'))
  equal((await ctx.refusal(send('s'))).code, 'full')
  for (const [id, expected] of [
    ['1', 'committed'],
    ['2', 'committed'],
    ['3', 'full'],
    ['2', 'committed'],
  ])
    equal(codeOf(await ctx.tryCommit({ id: id!, changes: [] })), expected)
  equal((await ctx.refusal(send('q'), send('q'), send('q'), send('q'))).code, 'invalid')
  const { token } = await ctx.leaseOne('q')
  equal(
    codeOf(await ctx.tryCommit({ id: '4', changes: [{ do: 'ack', token }, put('c'), send('s', '4')] })),
    'committed',
  )
})

test('malformed changes are refused, not thrown over', async () => {
  const ctx = await open()
  const odd = [
    { do: 'send', queue: 'q' },
    { do: 'ack' },
    { do: 'fly' },
    { do: 'put', key: 'k' },
    { do: 'configure', queue: 'q' },
    { do: 'cancel' },
    null,
  ] as unknown as Change[]
  for (const change of odd) {
    const result = await ctx.tryCommit({ changes: [{ do: 'put', key: 'k', value: value('x') }, change] })
    ok(result.status === 'refused' && ['invalid', 'unsupported', 'stale'].includes(result.code), JSON.stringify(result))
  }
  deepEqual(await ctx.engine.get(['k']), [null])
})

test('more changes than a commit may have are refused of an ack with records behind it too', async () => {
  const ctx = await open({ changes: 2 })
  await ctx.send('q')
  const { token } = await ctx.leaseOne('q')
  const ack: Change = { do: 'ack', token }
  deepEqual(await ctx.refusal(ack, put('r'), put('k')), { code: 'invalid', at: 2 })
  equal((await ctx.depth('q')).leased, 1)
  await ctx.commit(ack, put('r'))
  equal((await ctx.depth('q')).leased, 0)
})

test('an ack with records behind it, as handlers end: all of it, or where one of them is refused nothing, and told at its place', async () => {
  const ctx = await open()
  await ctx.sendMany('q', 2)
  const { token } = await ctx.leaseOne('q')
  const ack: Change = { do: 'ack', token }
  const refused: readonly Change[] = [
    { do: 'put', key: 'queue/q', value: value('x') },
    { do: 'put', key: 'k', value: 'no bytes' as unknown as Uint8Array },
    { do: 'put', key: 1 as unknown as string, value: value('x') },
    putIf('z'),
  ]
  for (const change of refused) {
    const { at } = await ctx.refusal(ack, put('r'), change)
    equal(at, 2, JSON.stringify(change))
  }
  // By its own commit there is one meanwhile.
  deepEqual(await ctx.refusal(ack, put('k'), putIf(null)), { code: 'conflict', at: 2 })
  deepEqual(await ctx.engine.get(['r', 'k']), [null, null])
  equal((await ctx.depth('q')).leased, 1)
  const [acked, ...puts] = await ctx.commit(ack, put('r'), put('k'), put('r'))
  equal(acked, null)
  const versions = puts.map((result) => (result !== null && 'version' in result ? result.version : null))
  const [r, k] = await ctx.engine.get(['r', 'k'])
  deepEqual([k!.version, r!.version], versions.slice(1))
  equal(new Set(versions).size, 3)
  const { ready, leased } = await ctx.depth('q')
  deepEqual([ready, leased], [1, 0])
  deepEqual(await ctx.refusal(ack, put('k')), { code: 'stale', at: 0 })
})
