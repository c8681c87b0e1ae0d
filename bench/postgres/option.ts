/** What `npm run bench:postgres` is asked for. */
import { parseArgs } from 'node:util'
import { number, oneOf } from '../option.ts'
import { CONTESTANTS, type Name } from './contestant.ts'
import { WORKS, type WorkName } from './work.ts'

/** Beside the works that all do: questions to Posthorn alone. */
export const QUESTIONS = ['lease', 'backlog', 'crowd'] as const
export type Question = (typeof QUESTIONS)[number]

export interface Options {
  readonly url: string
  readonly works: readonly WorkName[]
  readonly questions: readonly Question[]
  readonly contestants: readonly Name[]
  readonly rounds: number
  readonly seconds: number
  readonly isQuick: boolean
  readonly isVerbose: boolean
  /** This process is one of the others that the program starts. */
  readonly only: string | null
}

export const USAGE = `npm run bench:postgres -- [options]
  --url URL           the server (default: POSTHORN_TEST_POSTGRES, else postgres://postgres@127.0.0.1:5432/test)
  --work A,B          of ${[...Object.keys(WORKS), ...QUESTIONS].join(', ')} (default: all)
  --contestants A,B   of ${CONTESTANTS.join(', ')} (default: all)
  --rounds N          of each, in turn (default 3)
  --seconds S         of a round (default 3)
  --quick             two rounds of one second, smaller backlogs: all in about four minutes
  --verbose           also print the JSON line of every round`

const STANDARD = 'postgres://postgres@127.0.0.1:5432/test'

export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      url: { type: 'string', default: process.env['POSTHORN_TEST_POSTGRES'] ?? STANDARD },
      work: { type: 'string' },
      contestants: { type: 'string', default: CONTESTANTS.join() },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      only: { type: 'string' },
    },
  })
  const works = Object.keys(WORKS) as WorkName[]
  const wanted = (values.work ?? [...works, ...QUESTIONS].join())
    .split(',')
    .map((name) => oneOf('work', [...works, ...QUESTIONS], name))
  return {
    url: values.url,
    works: works.filter((name) => wanted.includes(name)),
    questions: QUESTIONS.filter((name) => wanted.includes(name)),
    contestants: values.contestants.split(',').map((name) => oneOf('contestants', CONTESTANTS, name)),
    rounds: number('rounds', values.rounds ?? (values.quick ? '2' : '3'), 1),
    seconds: number('seconds', values.seconds ?? (values.quick ? '1' : '3'), 0.1),
    isQuick: values.quick,
    isVerbose: values.verbose,
    only: values.only ?? null,
  }
}
