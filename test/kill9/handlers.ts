// What the server under fire runs: a task that counts its key once, in two workers, and one that reads what was counted.

import { handle, task, type Handler, type WorkGiven, type WorkParts } from 'posthorn'
import { z } from 'zod'
import { keepCompiledNow } from '../compiled.ts'
import { addKey, emptyShard, fails, Shard, shardOf } from './shard.ts'

keepCompiledNow()

export const count = task('count', {
  input: z.object({ key: z.string() }),
  retry: { attempts: 100, backoff: { kind: 'fixed', base: '20ms', jitter: 'none' } },
})

export const read = task('read', {
  input: z.object({ keys: z.array(z.string()) }),
  output: z.object({ counted: z.array(z.number()), shards: z.array(Shard) }),
})

const handlers = (worker: string): readonly Handler[] => [
  handle(
    count,
    async ({ key }, ctx) => {
      const shard = `shard/${shardOf(key)}`
      const [mine, all] = await Promise.all([ctx.get(`counted/${key}`), ctx.get(shard)])
      ctx.put(`counted/${key}`, Number(mine?.value ?? 0) + 1, { ifVersion: mine?.version ?? null })
      ctx.put(shard, addKey(all === undefined ? emptyShard : Shard.parse(all.value), key), {
        ifVersion: all?.version ?? null,
      })
      if (ctx.attempt === 1 && fails(key)) throw new Error(`made up, in ${worker}`)
    },
    { concurrency: 4 },
  ),
]

const reading = handle(read, async ({ keys }, ctx) => {
  const counted = await Promise.all(keys.map(async (key) => Number((await ctx.get(`counted/${key}`))?.value ?? 0)))
  const shards = await Promise.all(
    Array.from({ length: 8 }, async (_, shard) => {
      const stored = await ctx.get(`shard/${shard}`)
      return stored === undefined ? emptyShard : Shard.parse(stored.value)
    }),
  )
  return { counted, shards }
})

export default async ({ post }: WorkGiven): Promise<WorkParts> => {
  const second = await post.work(handlers('the second worker'))
  return { handlers: [...handlers('the first worker'), reading], stop: () => second.stop() }
}
