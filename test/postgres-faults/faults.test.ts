// The short form of `npm run test:postgres-faults`: each fault a few times. The bound of two seconds is the long form's, on a machine that does
// nothing else; here it is only that work goes on.

import { deepEqual, ok } from 'node:assert/strict'
import { after, test } from 'node:test'
import { seedOfRun } from '../seed.ts'
import { installedPrograms, OwnServer } from '../postgres/own-server.ts'
import { FAULTS } from './fault.ts'
import { SETTINGS } from './setting.ts'

const programs = installedPrograms()
const server = programs === null ? null : await OwnServer.create(programs, SETTINGS)
await server?.start()
after(() => server?.remove())

for (const { name, run } of FAULTS) {
  test(
    `all-or-nothing, confirmed-survives, once, key-order: ${name}`,
    { skip: server === null && 'postgres: none is installed' },
    async (context) => {
      const seed = seedOfRun()
      context.diagnostic(`seed ${seed}`)
      const { confirmed, resumedMs, breaches } = await run({ server: server!, rounds: 2, seed, holdMs: 1_000 })
      deepEqual(breaches, [])
      ok(confirmed > 0 && resumedMs.length > 0, 'there was load')
      context.diagnostic(
        `${confirmed} sends confirmed; work went on after ${resumedMs.map((ms) => Math.round(ms)).join(', ')} ms`,
      )
    },
  )
}
