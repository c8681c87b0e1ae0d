/** *once*: a Commit repeated with the same id within ten minutes applies once and answers the same. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Commit } from '../../core/engine.ts'
import type { Case, Need } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'once'
const MEMORY_MS = 600_000

const commitOf = (ctx: Context, id: string): Commit => ({
  id,
  changes: [
    { do: 'send', queue: 'a', message: ctx.message() },
    { do: 'put', key: 'k', value: new Uint8Array([1]), ifVersion: null },
  ],
})

async function isRemembered(ctx: Context, commit: Commit, results: unknown): Promise<void> {
  const again = await ctx.tryCommit(commit)
  ok(again.status === 'committed' && again.replayed, 'answered from memory')
  deepEqual(again.results, results)
}

export const once: readonly Case[] = [
  {
    law,
    name: 'a repeated commit applies once and answers the same, ten minutes long',
    async run(ctx) {
      const commit = commitOf(ctx, 'one')
      const first = await ctx.tryCommit(commit)
      ok(first.status === 'committed' && !first.replayed)
      const { token } = await ctx.leaseOne('a')
      await ctx.ack(token)
      await isRemembered(ctx, commit, first.results)
      await ctx.advance(MEMORY_MS - 1)
      await isRemembered(ctx, commit, first.results)
      deepEqual(await ctx.lease('a'), [], 'the message that was handled is not sent again')
    },
  },
  {
    law,
    name: 'an ack whose answer was lost is not stale when it is repeated',
    async run(ctx) {
      await ctx.send('a')
      const { token } = await ctx.leaseOne('a')
      const commit: Commit = {
        id: 'ack',
        changes: [
          { do: 'ack', token },
          { do: 'send', queue: 'b', message: ctx.message() },
        ],
      }
      const first = await ctx.tryCommit(commit)
      ok(first.status === 'committed')
      await isRemembered(ctx, commit, first.results)
      equal((await ctx.lease('b')).length, 1)
    },
  },
  {
    law,
    name: 'the same id many times at once, in one call and in many, applies once',
    async run(ctx) {
      const commit = commitOf(ctx, 'many')
      const answers = (
        await Promise.all([
          ctx.engine.commit([commit, commit]),
          ctx.engine.commit([commit]),
          ctx.engine.commit([commit]),
        ])
      ).flat()
      const replayed = answers.map((answer) => (answer.status === 'committed' ? answer.replayed : 'refused'))
      deepEqual(replayed.sort(), [false, true, true, true])
      equal((await ctx.lease('a')).length, 1)
    },
  },
  {
    law,
    name: 'a commit that was refused can be tried again under its id',
    async run(ctx) {
      await ctx.configure('a', { limit: { messages: 0, bytes: null } })
      const commit: Commit = { id: 'later', changes: [{ do: 'send', queue: 'a', message: ctx.message() }] }
      equal((await ctx.tryCommit(commit)).status, 'refused')
      await ctx.configure('a')
      const second = await ctx.tryCommit(commit)
      ok(second.status === 'committed' && !second.replayed)
    },
  },
  {
    law,
    name: 'an id of more than 200 characters is refused',
    async run(ctx) {
      equal((await ctx.tryCommit({ id: 'x'.repeat(200), changes: [] })).status, 'committed')
      const long = await ctx.tryCommit({ id: 'x'.repeat(201), changes: [] })
      ok(long.status === 'refused' && long.code === 'invalid')
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `a commit is remembered after ${how}`,
    needs: { 'close': ['os'], 'kill': ['os', 'kill'], 'power-cut': ['disk', 'power-cut'] }[how] as Need[],
    async run(ctx) {
      const commit = commitOf(ctx, 'kept')
      const first = await ctx.tryCommit(commit)
      ok(first.status === 'committed')
      await ctx.reopen(how)
      await isRemembered(ctx, commit, first.results)
      equal((await ctx.lease('a')).length, 1)
    },
  })),
]
