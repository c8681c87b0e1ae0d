/** *stale-is-inert*: a stale token changes nothing, its whole commit is refused and told so. */
import { deepEqual, equal } from 'node:assert/strict'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'
import type { Change, Token } from '../../core/engine.ts'
import type { Leaving } from '../subject.ts'

const law = 'stale-is-inert'
const error = { code: 'broken', message: 'it broke' }

const outcomes = (token: Token): readonly Change[] => [
  { do: 'ack', token },
  { do: 'retry', token, delay: { afterMs: 0 }, error },
  { do: 'release', token, delay: { afterMs: 0 } },
  { do: 'bury', token, error },
  { do: 'drop', token, reason: 'not needed' },
]

/** Each outcome under this token is refused, alone and amid effects, and nothing that can be seen changes. */
async function isInert(ctx: Context, token: Token, id: string): Promise<void> {
  const before = await ctx.find('a', id)
  for (const outcome of outcomes(token)) {
    deepEqual(await ctx.refusal(outcome), { code: 'stale', at: 0 }, outcome.do)
    const effect: Change = { do: 'send', queue: 'effects', message: ctx.message() }
    const record: Change = { do: 'put', key: 'effect', value: new Uint8Array(1) }
    deepEqual(await ctx.refusal(effect, outcome, record), { code: 'stale', at: 1 }, outcome.do)
  }
  deepEqual(await ctx.engine.extend([token], 60_000), ['stale'])
  deepEqual(await ctx.find('a', id), before)
  deepEqual(await ctx.engine.get(['effect']), [null])
  deepEqual(await ctx.lease('effects'), [])
}

export const staleIsInert: readonly Case[] = [
  {
    law,
    name: 'a token that was settled is stale, however it was settled',
    async run(ctx) {
      await ctx.configure('a', {
        keep: { acked: true, endedMs: 3_600_000, endedCount: 100, deadMs: null, deadCount: 100 },
      })
      for (let n = 0; n < 5; n++) {
        const id = await ctx.send('a')
        const { token, stored } = await ctx.leaseOne('a')
        equal(stored.id, id)
        await ctx.commit(outcomes(token)[n]!)
        await isInert(ctx, token, id)
        for (const { token: again } of await ctx.lease('a')) await ctx.ack(again)
      }
    },
  },
  {
    law,
    name: 'a token is stale from the moment its lease is over, also when nobody has looked since',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
      await ctx.advance(1_000)
      await isInert(ctx, token, id)
    },
  },
  {
    law,
    name: 'the holder from before changes nothing of the one that has it now',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { leaseMs: 1_000 })
      await ctx.advance(1_000)
      const now = await ctx.leaseOne('a')
      await isInert(ctx, token, id)
      await ctx.ack(now.token)
      equal((await ctx.depth('a')).ended.acked, 1)
    },
  },
  {
    law,
    name: 'a token that was never given is stale, whatever it says',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      for (const text of [
        '',
        'x',
        '0',
        `${token}0`,
        token.slice(0, -1),
        token.toUpperCase().split('').reverse().join(''),
        '\u0000',
        '💥',
      ]) {
        if (text !== token) await isInert(ctx, text, id)
      }
      await ctx.ack(token)
    },
  },
  {
    law,
    name: 'a token used twice in a commit is stale the second time',
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      for (const outcome of outcomes(token)) {
        deepEqual(await ctx.refusal({ do: 'ack', token }, outcome), { code: 'stale', at: 1 }, outcome.do)
        equal(await ctx.stateOf('a', id), 'leased')
      }
      await ctx.ack(token)
    },
  },
  {
    law,
    name: 'of two commits at once with one token, one wins',
    async run(ctx) {
      await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      const sends = [1, 2, 3].map((): Change => ({ do: 'send', queue: 'effects', message: ctx.message() }))
      const results = await Promise.all(
        sends.map((effect) => ctx.tryCommit({ changes: [effect, { do: 'ack', token }] })),
      )
      deepEqual(results.map(({ status }) => status).sort(), ['committed', 'refused', 'refused'])
      equal((await ctx.lease('effects')).length, 1)
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how: Leaving): Case => ({
    law,
    name: `the token of a process that is gone is stale after ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const id = await ctx.send('a')
      const { token } = await ctx.leaseOne('a', { holder: 'process' })
      await ctx.reopen(how)
      await isInert(ctx, token, id)
      const now = await ctx.leaseOne('a')
      await isInert(ctx, token, id)
      await ctx.ack(now.token)
    },
  })),
]
