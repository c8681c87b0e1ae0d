// A worker process: handles what is sent, with effects, until it is told to stop. It is killed, paused and cut off.

import { setTimeout as sleep } from 'node:timers/promises'
import { handle, open, silentLog } from 'posthorn'
import { done, work } from './contract.ts'

const [, , url = ''] = process.argv
const post = await open(url, { log: silentLog })
const worker = await post.work([
  handle(
    work,
    async ({ n, key }, ctx) => {
      if (key !== null) {
        const last = await ctx.get(`last/${key}`)
        // Of one key one is handled at a time, in the order of the sends.
        if (last !== undefined && Number(last.value) >= n) ctx.put(`disorder/${n}`, last.value)
        ctx.put(`last/${key}`, n, { ifVersion: last?.version ?? null })
      }
      await sleep(n % 7)
      ctx.send(done, { n })
    },
    { concurrency: 20, lease: '1s' },
  ),
])
process.send?.('ready')
process.once('disconnect', () => void stop())
process.once('SIGTERM', () => void stop())

async function stop(): Promise<void> {
  await worker.stop({ grace: '2s' })
  await post.close()
  process.exit()
}
