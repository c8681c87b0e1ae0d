/**
 * *counted*: acquired = hand-outs, failed = failures that a holder reported, released = given back; the rest lapsed.
 * A crash or a lapse is never a failure; a message over `maxLapses` is buried as `lapsed`.
 */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Delivery } from '../../core/engine.ts'
import { FAILURE_BYTES, KEPT_FAILURES, lapses } from '../../core/message.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'counted'

async function counts(ctx: Context, id: string): Promise<readonly (number | undefined)[]> {
  const stored = await ctx.find('a', id)
  return [stored?.acquired, stored?.failed, stored?.released, stored ? lapses(stored) : undefined]
}

/** Leases for so long that the lease is over, so often. */
async function lapse(ctx: Context, times: number): Promise<Delivery | undefined> {
  let last: Delivery | undefined
  for (let n = 0; n < times; n++) {
    ;[last] = await ctx.lease('a', 1, { leaseMs: 1_000 })
    await ctx.advance(1_000)
  }
  return last
}

export const counted: readonly Case[] = [
  {
    law,
    name: 'each hand-out, failure and return counts as what it was',
    async run(ctx) {
      const id = await ctx.send('a')
      deepEqual(await counts(ctx, id), [0, 0, 0, 0])
      const first = await ctx.leaseOne('a')
      deepEqual([first.stored.acquired, first.stored.failed, first.stored.released], [1, 0, 0])
      await ctx.retry(first.token)
      deepEqual(await counts(ctx, id), [1, 1, 0, 0])
      await ctx.release((await ctx.leaseOne('a')).token)
      deepEqual(await counts(ctx, id), [2, 1, 1, 0])
      await lapse(ctx, 1)
      deepEqual(await counts(ctx, id), [3, 1, 1, 1])
      await ctx.bury((await ctx.leaseOne('a')).token)
      deepEqual(await counts(ctx, id), [4, 2, 1, 1])
    },
  },
  {
    law,
    name: 'a message that is dropped was given back',
    async run(ctx) {
      const id = await ctx.send('a')
      await ctx.commit({ do: 'drop', token: (await ctx.leaseOne('a')).token, reason: 'not needed' })
      deepEqual(await counts(ctx, id), [1, 0, 1, 0])
      const stored = await ctx.find('a', id)
      deepEqual([stored?.state, stored?.reason, stored?.failures], ['cancelled', 'not needed', []])
    },
  },
  {
    law,
    name: 'a lapse is no failure',
    async run(ctx) {
      const id = await ctx.send('a')
      const { stored } = (await lapse(ctx, 3))!
      equal(stored.failed, 0)
      deepEqual(await counts(ctx, id), [3, 0, 0, 3])
      deepEqual((await ctx.find('a', id))?.failures, [])
    },
  },
  {
    law,
    name: 'a message that lapses as often as is allowed is handed out again, once more and it is buried',
    async run(ctx) {
      await ctx.configure('a', { maxLapses: 2 })
      const id = await ctx.send('a', { report: 'reports' })
      await lapse(ctx, 2)
      equal(await ctx.stateOf('a', id), 'ready')
      await lapse(ctx, 1)
      const stored = await ctx.find('a', id)
      deepEqual([stored?.state, stored?.reason, stored?.failed], ['dead', 'lapsed', 0])
      deepEqual(
        (await ctx.reports('reports')).map(({ state, reason }) => [state, reason]),
        [['dead', 'lapsed']],
      )
      deepEqual(await ctx.lease('a'), [])
    },
  },
  {
    law,
    name: 'failures and returns do not bring a message nearer to being buried as lapsed',
    async run(ctx) {
      await ctx.configure('a', { maxLapses: 1 })
      const id = await ctx.send('a')
      for (let n = 0; n < 10; n++) {
        await ctx.retry((await ctx.leaseOne('a')).token)
        await ctx.release((await ctx.leaseOne('a')).token)
      }
      await lapse(ctx, 1)
      equal(await ctx.stateOf('a', id), 'ready')
      await lapse(ctx, 1)
      equal(await ctx.stateOf('a', id), 'dead')
    },
  },
  {
    law,
    name: 'failures are kept with their time and delay, the newest ten, each cut to a bounded size',
    async run(ctx) {
      const id = await ctx.send('a')
      const sentAt = (await ctx.find('a', id))!.sentAt
      for (let n = 0; n < 13; n++) {
        const { token } = await ctx.leaseOne('a')
        await ctx.commit({
          do: 'retry',
          token,
          delay: { afterMs: n },
          error: {
            code: `code-${n}`,
            message: 'm'.repeat(n === 12 ? 5_000 : 3),
            stack: 's'.repeat(n === 12 ? 5_000 : 3),
          },
        })
        await ctx.advance(100)
      }
      const { failures } = (await ctx.find('a', id))!
      deepEqual(
        failures.map(({ code }) => code),
        Array.from({ length: KEPT_FAILURES }, (_, at) => `code-${at + 3}`),
      )
      deepEqual(
        failures.map(({ at }) => at),
        Array.from({ length: KEPT_FAILURES }, (_, at) => sentAt + (at + 3) * 100),
      )
      deepEqual(
        failures.map(({ delayMs }) => delayMs),
        Array.from({ length: KEPT_FAILURES }, (_, at) => at + 3),
      )
      deepEqual([failures[0]?.message, failures[0]?.stack], ['mmm', 'sss'])
      ok(failures.at(-1)!.message.length + (failures.at(-1)!.stack ?? '').length <= FAILURE_BYTES)
      ok(failures.at(-1)!.message.length > 0)
    },
  },
  {
    law,
    name: 'a dead letter has its reason, and a redrive gives it fresh counts but leaves its history',
    async run(ctx) {
      const id = await ctx.send('a')
      await ctx.retry((await ctx.leaseOne('a')).token)
      await ctx.bury((await ctx.leaseOne('a')).token, 'no-such-account')
      const dead = await ctx.find('a', id)
      deepEqual(
        [dead?.state, dead?.reason, dead?.failures.map(({ code }) => code)],
        ['dead', 'no-such-account', ['flaky', 'no-such-account']],
      )
      ok(dead?.endedAt)
      const ref = { queue: 'a', id }
      deepEqual(await ctx.commit({ do: 'redrive', messages: [ref, { queue: 'a', id: ctx.message().id }] }), [
        { count: 1 },
      ])
      const again = await ctx.find('a', id)
      deepEqual(
        [again?.state, again?.reason, again?.endedAt, await counts(ctx, id)],
        ['ready', null, null, [0, 0, 0, 0]],
      )
      deepEqual(again?.failures, dead?.failures)
      deepEqual(await ctx.commit({ do: 'redrive', messages: [ref] }), [{ count: 0 }], 'it is not dead any more')
      equal((await ctx.leaseOne('a')).stored.acquired, 1)
    },
  },
  ...(['kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `a ${how} is a lapse and no failure, so that a poison message convicts itself`,
    needs: how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      await ctx.configure('a', { maxLapses: 2 })
      const id = await ctx.send('a')
      for (let n = 1; n <= 3; n++) {
        await ctx.leaseOne('a', { holder: 'process' })
        await ctx.send('b')
        await ctx.reopen(how)
        deepEqual((await counts(ctx, id)).slice(1), [0, 0, n])
      }
      const stored = await ctx.find('a', id)
      deepEqual([stored?.state, stored?.reason], ['dead', 'lapsed'])
    },
  })),
]
