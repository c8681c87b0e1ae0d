// `npm run test:kill9 -- --rounds 200`: kills the server under load, again and again, and says what was lost or doubled. `--engine URL`: on an
// empty engine of any kind, else on a folder of its own.

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { fire } from './fire.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, seed: { type: 'string' }, engine: { type: 'string' } },
})
const rounds = Number(values.rounds)
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
