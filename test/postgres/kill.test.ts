// A worker that is killed with -9 gives back what it held as soon as the others notice, and its tokens are worth nothing from then on.

import { deepEqual, equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { commit, message, onPostgres } from './world.ts'

onPostgres('confirmed-survives, counted: leases of a process that was killed lapse at once', async (world) => {
  const engine = await world.open({ pollMs: 5 })
  const sent = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const one = message()
      await commit(engine, { do: 'send', queue: 'a', message: one })
      return one.id
    }),
  )
  const victim = spawn(process.execPath, [join(import.meta.dirname, 'holder.ts'), world.url, world.schema], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = (await once(victim.stdout, 'data')) as [Buffer]
  const tokens = JSON.parse(said.toString()) as string[]
  equal(tokens.length, 3)
  equal((await engine.depth(['a']))[0]!.leased, 3)
  victim.kill('SIGKILL')
  await once(victim, 'exit')
  const again: string[] = []
  for (let n = 0; again.length < 3; n++) {
    const { deliveries } = await engine.lease({
      id: `${n}`,
      worker: 'other',
      holder: 'client',
      leaseMs: 60_000,
      wants: [{ queue: 'a', max: 3 }],
    })
    again.push(...deliveries.map(({ stored }) => stored.id))
    for (const { stored } of deliveries) deepEqual([stored.acquired, stored.failed, stored.released], [2, 0, 0])
  }
  deepEqual(again.sort(), sent.sort())
  for (const token of tokens) {
    const result = await commit(engine, { do: 'ack', token })
    equal(result.status === 'refused' && result.code, 'stale')
  }
})
