// A worker that is killed with -9 gives back what it held as soon as the others notice, and its tokens are worth nothing from then on.

import { deepEqual, equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Engine } from '../../src/core/engine.ts'
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
    stdio: ['pipe', 'pipe', 'inherit'],
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

onPostgres('stale-is-inert: a worker that was paused past its lease changes nothing when it goes on', async (world) => {
  const engine = await world.open({ pollMs: 5 })
  const one = message()
  await commit(engine, { do: 'send', queue: 'a', message: one })
  const victim = spawn(
    process.execPath,
    [join(import.meta.dirname, 'holder.ts'), world.url, world.schema, 'client', '500'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const [said] = (await once(victim.stdout, 'data')) as [Buffer]
  equal((JSON.parse(said.toString()) as string[]).length, 1)
  victim.kill('SIGSTOP')
  const token = await leaseOne(engine)
  victim.kill('SIGCONT')
  victim.stdin.write('go\n')
  const [answer] = (await once(victim.stdout, 'data')) as [Buffer]
  deepEqual(JSON.parse(answer.toString()), ['stale'])
  await once(victim, 'exit')
  equal((await engine.depth(['a']))[0]!.leased, 1)
  equal((await commit(engine, { do: 'ack', token })).status, 'committed')
})

/** Leases until there is one. */
async function leaseOne(engine: Engine): Promise<string> {
  for (let n = 0; ; n++) {
    const wants = [{ queue: 'a', max: 1 }]
    const { deliveries } = await engine.lease({ id: `one ${n}`, worker: 'w', holder: 'client', leaseMs: 60_000, wants })
    if (deliveries[0] !== undefined) return deliveries[0].token
  }
}
