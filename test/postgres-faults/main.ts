// A PostgreSQL of its own goes wrong in every way that is known, under load, and it is said what was lost or doubled and how long it took
// until work went on.

import { randomInt } from 'node:crypto'
import { readCommandLine } from '../command-line.ts'
import { installedPrograms, OwnServer } from '../postgres/own-server.ts'
import { FAULTS } from './fault.ts'
import { SETTINGS } from './setting.ts'

const USAGE = `npm run test:postgres-faults -- [options]
  --rounds N      of each fault (default 50)
  --only PART     faults whose name has this in it (default: all):
${FAULTS.map(({ name }) => `                    ${name}`).join('\n')}
  --hold SECONDS  that a transaction holds its snapshot (default 180)
  --seed N        what is done, and when it goes wrong (default: another each time)`

const values = readCommandLine(USAGE, ['rounds', 'hold', 'only', 'seed'])
const rounds = Number(values.rounds ?? 50)
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const programs = installedPrograms()
if (programs === null) throw new Error('no PostgreSQL is installed in /usr/lib/postgresql')
const server = await OwnServer.create(programs, SETTINGS)
let isWrong = false
try {
  await server.start()
  console.log(`${rounds} rounds of each, seed ${seed} (again: --seed ${seed})`)
  for (const { name, run, withinMs } of FAULTS.filter((fault) => fault.name.includes(values.only ?? ''))) {
    const { confirmed, unknown, resumedMs, breaches } = await run({
      server,
      rounds,
      seed,
      holdMs: Number(values.hold ?? 180) * 1_000,
    })
    const sorted = resumedMs.toSorted((one, other) => one - other)
    const [median, longest] = [sorted[sorted.length >> 1] ?? Number.NaN, sorted.at(-1) ?? Number.NaN]
    const isRight = breaches.length === 0 && longest <= withinMs
    isWrong ||= !isRight
    console.log(
      `${isRight ? '✓' : '✗'} ${name}: ${confirmed} sends confirmed, ${unknown} without an answer; work went on after ${Math.round(median)} ms, at most ${Math.round(longest)} ms`,
    )
    for (const breach of breaches.slice(0, 20)) console.log(`  ✗ ${breach}`)
  }
} finally {
  await server.remove()
}
process.exitCode = isWrong ? 1 : 0
