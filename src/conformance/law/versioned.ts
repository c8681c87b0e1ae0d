/**
 * *versioned*: of two puts with the same `ifVersion` one wins and the other's whole commit is refused; versions are never
 * used again for a key, also after a remove and over restarts.
 */
import { deepEqual, equal, notEqual, ok } from 'node:assert/strict'
import type { Change, Version } from '../../core/engine.ts'
import { DEFAULT_QUEUE } from '../../core/settings.ts'
import type { Case } from '../case.ts'
import type { Context } from '../context.ts'

const law = 'versioned'
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const put = (text: string, ifVersion?: Version | null): Change => ({
  do: 'put',
  key: 'k',
  value: bytes(text),
  ifVersion,
})

async function putAt(ctx: Context, text: string, ifVersion?: Version | null): Promise<Version> {
  const [result] = await ctx.commit(put(text, ifVersion))
  return (result as { readonly version: Version }).version
}

async function value(ctx: Context): Promise<string | null> {
  const [record] = await ctx.engine.get(['k'])
  return record ? new TextDecoder().decode(record.value) : null
}

export const versioned: readonly Case[] = [
  {
    law,
    name: 'of many puts at once with the same version one wins, and the others leave nothing',
    async run(ctx) {
      const version = await putAt(ctx, 'start')
      const tries = Array.from({ length: 10 }, (_, n) =>
        ctx.tryCommit({ changes: [{ do: 'send', queue: 'a', message: ctx.message() }, put(`${n}`, version)] }),
      )
      const results = await Promise.all(tries)
      equal(results.filter(({ status }) => status === 'committed').length, 1)
      ok(results.every((result) => result.status === 'committed' || (result.code === 'conflict' && result.at === 1)))
      equal((await ctx.lease('a')).length, 1)
      equal(await value(ctx), String(results.findIndex(({ status }) => status === 'committed')))
    },
  },
  {
    law,
    name: 'ifVersion null is for what does not exist, and no ifVersion is for anything',
    async run(ctx) {
      await putAt(ctx, '1', null)
      deepEqual(await ctx.refusal(put('2', null)), { code: 'conflict', at: 0 })
      await putAt(ctx, '3')
      await ctx.commit({ do: 'remove', key: 'k' })
      await putAt(ctx, '4', null)
      equal(await value(ctx), '4')
    },
  },
  {
    law,
    name: 'each put gives a new version, which get and list show',
    async run(ctx) {
      const versions = [await putAt(ctx, '1'), await putAt(ctx, '1'), await putAt(ctx, '2')]
      equal(new Set(versions).size, 3)
      const [record] = await ctx.engine.get(['k'])
      equal(record?.version, versions[2])
      deepEqual((await ctx.engine.list({ prefix: 'k', after: null, limit: 1 })).items, [record])
      deepEqual(await ctx.refusal(put('x', versions[0])), { code: 'conflict', at: 0 })
      await putAt(ctx, '3', versions[2])
    },
  },
  {
    law,
    name: 'a version from before a remove is never that of what is put after it',
    async run(ctx) {
      const before = new Set<Version>()
      for (let n = 0; n < 5; n++) {
        const version = await putAt(ctx, 'same', null)
        ok(!before.has(version))
        before.add(version)
        await ctx.commit({ do: 'remove', key: 'k', ifVersion: version })
        for (const old of before) equal((await ctx.refusal(put('x', old))).code, 'conflict')
      }
      await putAt(ctx, 'same', null)
      for (const old of before) {
        equal((await ctx.refusal(put('x', old))).code, 'conflict')
        equal((await ctx.refusal({ do: 'remove', key: 'k', ifVersion: old })).code, 'conflict')
      }
    },
  },
  {
    law,
    name: 'a remove with a version removes that version or nothing',
    async run(ctx) {
      const first = await putAt(ctx, '1')
      const second = await putAt(ctx, '2')
      deepEqual(await ctx.refusal({ do: 'remove', key: 'k', ifVersion: first }), { code: 'conflict', at: 0 })
      await ctx.commit({ do: 'remove', key: 'k', ifVersion: second })
      equal(await value(ctx), null)
      deepEqual(await ctx.refusal({ do: 'remove', key: 'k', ifVersion: second }), { code: 'conflict', at: 0 })
      deepEqual(await ctx.commit({ do: 'remove', key: 'k' }), [null])
    },
  },
  {
    law,
    name: 'a record whose time is over does not exist',
    async run(ctx) {
      const [result] = await ctx.commit({
        do: 'put',
        key: 'k',
        value: bytes('1'),
        expiresAt: ctx.clock.wallMs() + 1_000,
      })
      await ctx.advance(1_000)
      const { version } = result as { readonly version: Version }
      equal((await ctx.refusal(put('2', version))).code, 'conflict')
      notEqual(await putAt(ctx, '3', null), version)
    },
  },
  {
    law,
    name: 'two puts of a key in one commit: the second sees the first',
    async run(ctx) {
      deepEqual(await ctx.refusal(put('1', null), put('2', null)), { code: 'conflict', at: 1 })
      await ctx.commit(put('1', null), put('2'))
      equal(await value(ctx), '2')
      await ctx.commit({ do: 'remove', key: 'k' }, put('3', null))
      equal(await value(ctx), '3')
    },
  },
  {
    law,
    name: 'settings and subscriptions have versions as well',
    async run(ctx) {
      const configure = (ifVersion: Version | null): Change => ({
        do: 'configure',
        queue: 'a',
        settings: DEFAULT_QUEUE,
        ifVersion,
      })
      const [first] = (await ctx.commit(configure(null))) as readonly { readonly version: Version }[]
      equal((await ctx.refusal(configure(null))).code, 'conflict')
      const [second] = (await ctx.commit(configure(first!.version))) as readonly { readonly version: Version }[]
      equal((await ctx.refusal(configure(first!.version))).code, 'conflict')
      equal((await ctx.engine.get(['queue/a']))[0]?.version, second?.version)
      const subscription = { topic: 't', name: 's', types: [], filters: [], from: 'now', order: 'none' } as const
      const [bound] = (await ctx.commit({ do: 'bind', subscription, ifVersion: null })) as readonly {
        readonly version: Version
      }[]
      equal((await ctx.refusal({ do: 'bind', subscription, ifVersion: null })).code, 'conflict')
      await ctx.commit({ do: 'bind', subscription, ifVersion: bound!.version })
    },
  },
  {
    law,
    name: 'a version that a power cut took back is not given to another value',
    needs: ['disk', 'power-cut'],
    async run(ctx) {
      const seen = new Set<Version>()
      for (let n = 0; n < 6; n++) {
        const result = await ctx.tryCommit({
          durability: ctx.engine.capabilities.durability[0],
          changes: [put(`${n}`)],
        })
        ok(result.status === 'committed')
        const { version } = result.results[0] as { readonly version: Version }
        ok(!seen.has(version), `${version} was given before`)
        seen.add(version)
        await ctx.reopen('power-cut')
        const [record] = await ctx.engine.get(['k'])
        if (record) seen.add(record.version)
      }
    },
  },
  ...(['close', 'kill', 'power-cut'] as const).map((how): Case => ({
    law,
    name: `versions are not used again after ${how}`,
    needs: how === 'close' ? ['os'] : how === 'kill' ? ['os', 'kill'] : ['disk', 'power-cut'],
    async run(ctx) {
      const seen = new Set<Version>()
      for (let n = 0; n < 4; n++) {
        const version = await putAt(ctx, `${n}`, null)
        ok(!seen.has(version))
        seen.add(version)
        await ctx.reopen(how)
        equal((await ctx.engine.get(['k']))[0]?.version, version)
        await ctx.commit({ do: 'remove', key: 'k', ifVersion: version })
        await ctx.reopen(how)
        for (const old of seen) equal((await ctx.refusal(put('x', old))).code, 'conflict')
      }
    },
  })),
]
