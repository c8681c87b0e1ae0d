// Kills the server under load, again and again, and says what was lost or doubled. A folder is judged after fifty kills and the next one begun, so
// that what is wrong is told soon, and a run that is ended early has shown something.

import { randomInt } from 'node:crypto'
import { readCommandLine } from '../command-line.ts'
import { keepCompiled } from '../compiled.ts'
import { fire } from './fire.ts'
import type { Verdict } from './judge.ts'

const USAGE = `npm run test:kill9 -- [options]
  --rounds N    kills (default 50); more than that are done to folders of 50 each
  --seed N      what is done, and when it is killed, in the first folder; the next has the next (default: another each time)
  --engine URL  an empty engine of any kind, for all rounds (default: file engines in folders of their own)`
const ROUNDS_OF_FOLDER = 50

keepCompiled()
const values = readCommandLine(USAGE, ['rounds', 'seed', 'engine'])
const rounds = Number(values.rounds ?? 50)
const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed)
const roundsOfOne = values.engine === undefined ? ROUNDS_OF_FOLDER : rounds

console.log(`${rounds} rounds, seed ${seed} (again: --seed ${seed})`)
let all: Verdict = { sent: 0, unknown: 0, acked: 0, leased: 0, kills: 0, breaches: [] }
for (let done = 0; done < rounds; done += roundsOfOne) {
  const seedOfFolder = seed + done / roundsOfOne
  const verdict = await fire({
    rounds: Math.min(roundsOfOne, rounds - done),
    seed: seedOfFolder,
    onRound: (round) => {
      if (process.stdout.isTTY) process.stdout.write(`\rround ${done + round}/${rounds}`)
    },
    ...(values.engine === undefined ? {} : { engine: values.engine }),
  })
  all = sum(all, verdict)
  const { sent, unknown, acked, leased, kills } = all
  console.log(
    `\n${kills} kills · ${sent} sends confirmed, ${unknown} without an answer · ${leased} hand-outs · ${acked} acks confirmed`,
  )
  for (const breach of verdict.breaches.slice(0, 20)) console.log(`✗ seed ${seedOfFolder}: ${breach}`)
  if (verdict.breaches.length > 20) console.log(`… and ${verdict.breaches.length - 20} more`)
}
if (all.breaches.length === 0)
  console.log('✓ no confirmed message lost, none handed out after its confirmed ack, no digest counted twice')
process.exitCode = all.breaches.length === 0 ? 0 : 1

function sum(one: Verdict, other: Verdict): Verdict {
  return {
    sent: one.sent + other.sent,
    unknown: one.unknown + other.unknown,
    acked: one.acked + other.acked,
    leased: one.leased + other.leased,
    kills: one.kills + other.kills,
    breaches: [...one.breaches, ...other.breaches],
  }
}
