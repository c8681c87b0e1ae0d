/** What `npm run bench:peers` is asked for. */
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { CONTESTANTS, type ContestantName } from '../contestant.ts'
import { MODES, number, oneOf, type Mode } from '../option.ts'

export interface PeersOptions {
  readonly modes: readonly Mode[]
  readonly contestants: readonly ContestantName[]
  readonly rounds: number
  readonly dir: string
  /** Also print the JSON line of every round. */
  readonly verbose: boolean
  /** Handed on to every round. */
  readonly passed: readonly string[]
}

export const USAGE = `npm run bench:peers -- [options]
  --modes A,B         of ${MODES.join(', ')} (default: all)
  --contestants A,B   of ${CONTESTANTS.join(', ')} (default: all that run here)
  --rounds N          rounds of every contestant in turn; figures are medians (default 5)
  --dir DIR           where temporary folders go (default: the system's)
  --verbose           also print the JSON line of every round
  --count N --seconds S --concurrency C --handlers H --batch B --bytes B --backlog N --rate R --warm-up S
                      as for npm run bench`

const PASSED = [
  'count',
  'seconds',
  'concurrency',
  'handlers',
  'batch',
  'bytes',
  'backlog',
  'rate',
  'warm-up',
  'engine',
  'level',
] as const

export function parsePeersOptions(args: readonly string[]): PeersOptions {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    options: {
      modes: { type: 'string', default: MODES.join() },
      contestants: { type: 'string', default: CONTESTANTS.join() },
      rounds: { type: 'string', default: '5' },
      dir: { type: 'string', default: tmpdir() },
      verbose: { type: 'boolean', default: false },
      ...(Object.fromEntries(PASSED.map((name) => [name, { type: 'string' }])) as Record<
        (typeof PASSED)[number],
        { type: 'string' }
      >),
    },
  })
  return {
    modes: values.modes.split(',').map((name) => oneOf('modes', MODES, name)),
    contestants: values.contestants.split(',').map((name) => oneOf('contestants', CONTESTANTS, name)),
    rounds: number('rounds', values.rounds, 1),
    dir: values.dir,
    verbose: values.verbose,
    passed: PASSED.flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]])),
  }
}
