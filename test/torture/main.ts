// Power cuts, damaged files, failing disks and kill -9, by the thousand. Prints counts and seeds; what fails is run again alone with the
// seed that is printed.

import { randomInt } from 'node:crypto'
import { readCommandLine } from '../command-line.ts'
import { keepCompiled } from '../compiled.ts'
import { KINDS } from './kinds.ts'
import { runRounds, type Counts } from './round.ts'

const NAMES = KINDS.map(({ name }) => name).join(', ')
const USAGE = `npm run test:torture -- [options]
  --only KIND,…  some of ${NAMES} (default: all)
  --rounds N     of each kind (default: until much has happened)
  --seed N       what is done, and what goes wrong (default: another each time)`

keepCompiled()
const values = readCommandLine(USAGE, ['only', 'rounds', 'seed'])
const seed = values.seed === undefined ? randomInt(1_000_000) : Number(values.seed)
const rounds = values.rounds === undefined ? null : Number(values.rounds)
const chosen = KINDS.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name))
if (chosen.length === 0) throw new Error(`--only is one of ${NAMES}`)

console.log(`seed ${seed} (again: --seed ${seed})`)
for (const { name, round, counted, many } of chosen) {
  const startedMs = performance.now()
  let toldMs = startedMs
  const tell = (counts: Counts): void => {
    if (performance.now() - toldMs < 20_000) return
    toldMs = performance.now()
    console.log(`  ${name}: ${counts.get(counted).toLocaleString('en')} ${counted} …`)
  }
  try {
    const isEnough = (counts: Counts, done: number): boolean =>
      rounds === null ? counts.get(counted) >= many : done >= rounds
    const counts = await runRounds(name, round, seed, isEnough, tell)
    console.log(`✓ ${name}: ${counts.toString()} (${Math.round((performance.now() - startedMs) / 1000)} s)`)
  } catch (error) {
    console.error('✗', error)
    process.exitCode = 1
  }
}
