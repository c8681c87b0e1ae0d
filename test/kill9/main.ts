// Kills the server under load, again and again, and says what was lost or doubled.

import { randomInt } from 'node:crypto'
import { readCommandLine } from '../command-line.ts'
import { keepCompiled } from '../compiled.ts'
import { fire } from './fire.ts'

const USAGE = `npm run test:kill9 -- [options]
  --rounds N    kills (default 50)
  --seed N      what is done, and when it is killed (default: another each time)
  --engine URL  an empty engine of any kind (default: a file engine in a folder of its own)`

keepCompiled()
const values = readCommandLine(USAGE, ['rounds', 'seed', 'engine'])
const rounds = Number(values.rounds ?? 50)
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)

console.log(`${rounds} rounds, seed ${seed} (again: --seed ${seed})`)
const onRound = (round: number): void => {
  if (process.stdout.isTTY) process.stdout.write(`\rround ${round}/${rounds}`)
  else if (round % 10 === 0) console.log(`round ${round}/${rounds}`)
}
const { sent, unknown, acked, leased, kills, breaches } = await fire({
  rounds,
  seed,
  onRound,
  ...(values.engine === undefined ? {} : { engine: values.engine }),
})
console.log(
  `\n${kills} kills · ${sent} sends confirmed, ${unknown} without an answer · ${leased} hand-outs · ${acked} acks confirmed`,
)
for (const breach of breaches.slice(0, 20)) console.log(`✗ ${breach}`)
if (breaches.length > 20) console.log(`… and ${breaches.length - 20} more`)
if (breaches.length === 0)
  console.log('✓ no confirmed message lost, none handed out after its confirmed ack, no digest counted twice')
process.exitCode = breaches.length === 0 ? 0 : 1
