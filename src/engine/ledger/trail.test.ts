// Followers hear what happened, in order, once it is durable; nobody hears anything after he has ceased.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { Context, type Subject } from '../../conformance/index.ts'
import type { Happening } from '../../core/engine.ts'
import { fileSubject } from '../../../test/conformance/file-subject.ts'
import { memorySubject } from '../../../test/conformance/memory-subject.ts'

const failure = { code: 'handler-failed', message: 'no' }

for (const subject of [memorySubject, fileSubject] as readonly Subject[]) {
  test(`${subject.name}: sends, failures and ends are told, with why`, async () => {
    const ctx = new Context(await subject.create(), { hints: 'deliver' })
    await ctx.open()
    const heard: Happening[] = []
    const following = ctx.engine.follow!((happenings) => void heard.push(...happenings))
    const told = async (): Promise<readonly string[]> => {
      await ctx.turn()
      return heard.splice(0).map(({ what, queue, failed, reason }) => `${queue} ${what} ${failed} ${reason}`)
    }
    const ids = await ctx.sendMany('q', 2)
    deepEqual(await told(), ['q sent 0 null', 'q sent 0 null'])
    const first = await ctx.leaseOne('q')
    await ctx.commit({ do: 'retry', token: first.token, delay: { afterMs: 0 }, error: failure })
    const second = await ctx.leaseOne('q')
    await ctx.commit({ do: 'bury', token: second.token, error: { ...failure, code: 'bad' } })
    deepEqual(await told(), ['q failed 1 handler-failed', 'q failed 2 bad', 'q dead 2 bad'])
    const third = await ctx.leaseOne('q')
    await ctx.commit({ do: 'ack', token: third.token }, { do: 'send', queue: 'r', message: ctx.message({ key: 'k' }) })
    await ctx.turn()
    equal(heard[0]!.what, 'acked')
    ok(ids.includes(heard[0]!.id))
    equal(heard[1]!.key, 'k')
    equal(heard[1]!.queue, 'r')
    heard.splice(0)
    await ctx.send('q', { expires: { afterMs: 5 } })
    ctx.clock.advance(5)
    await ctx.engine.depth('all')
    deepEqual(await told(), ['q sent 0 null', 'q expired 0 null'])
    following[Symbol.dispose]()
    await ctx.send('q')
    deepEqual(await told(), [])
    // And again, by two at once.
    const other: Happening[] = []
    const both = [
      ctx.engine.follow!((more) => void heard.push(...more)),
      ctx.engine.follow!((more) => void other.push(...more)),
    ]
    await ctx.send('q')
    await ctx.turn()
    both[0]![Symbol.dispose]()
    await ctx.send('q')
    await ctx.turn()
    deepEqual([heard.length, other.length], [1, 2])
    both[1]![Symbol.dispose]()
  })
}
