/**
 * Posthorn, graphile-worker, pg-boss and plain `pg` on one PostgreSQL server in one run: at each work in turn, round after round, each in a
 * process of its own. Then what only Posthorn is asked: leases beside much that waits, backlogs, a crowd of processes.
 */
import { cpus } from 'node:os'
import { backlog } from './backlog.ts'
import type { Name } from './contestant.ts'
import { crowd, playRole, type RoleOf } from './crowd.ts'
import { leaseCost } from './lease-cost.ts'
import { parseOptions, USAGE, type Options, type Question } from './option.ts'
import { inProcess, measure, type Round } from './round.ts'
import type { Plan } from '../option.ts'
import { Server } from './server.ts'
import { describe, toTable } from './table.ts'
import { planOf, WORKS, type WorkName } from './work.ts'

if (process.argv.includes('--help')) console.log(USAGE)
else {
  const options = parseOptions(process.argv.slice(2))
  if (options.only === null) await compare(options)
  else await runOnly(options.url, JSON.parse(options.only) as RoleOf | { readonly name: Name; readonly plan: Plan })
}

async function runOnly(url: string, only: RoleOf | { readonly name: Name; readonly plan: Plan }): Promise<void> {
  if ('role' in only) await playRole(url, only)
  else console.log(JSON.stringify(await measure(url, only.name, only.plan)))
}

async function compare(options: Options): Promise<void> {
  const { works, questions, url } = options
  console.log(`PostgreSQL: ${await new Server(url).describe()}`)
  console.log(`node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}; the server runs beside it`)
  const all: Round[] = []
  for (const name of works) {
    const rounds = await compareAt(name, options)
    all.push(...rounds)
    if (rounds.length > 0) console.log(`\n${toTable(WORKS[name], rounds)}`)
  }
  for (const question of questions) console.log(`\n${await ask(question, options)}`)
  if (all.length > 0) console.log(`\n${describe(all)}`)
}

async function compareAt(name: WorkName, { url, contestants, rounds, seconds, isVerbose }: Options): Promise<Round[]> {
  const work = WORKS[name]
  const done: Round[] = []
  for (let round = 0; round < rounds; round++) {
    for (const who of contestants.filter((each) => work.by.includes(each))) {
      const each = await inProcess(url, who, planOf(work, who, seconds))
      if (isVerbose) console.log(JSON.stringify(each))
      done.push(each)
    }
  }
  return done
}

function ask(question: Question, { url, rounds, seconds, isQuick }: Options): Promise<string> {
  switch (question) {
    case 'lease':
      return leaseCost(url, isQuick ? 20_000 : 100_000)
    case 'backlog':
      return isQuick ? backlog(url, 1, seconds, 100_000) : backlog(url, 5, seconds, 1_000_000)
    case 'crowd':
      return crowd(url, isQuick ? 1 : rounds, isQuick ? 2 : seconds)
  }
}
