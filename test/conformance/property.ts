// Holds an engine against the oracle over random sequences of commands. A sequence on which they disagree is shrunk, printed
// and kept in seeds.json; what is kept there is replayed first, for ever.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { Drive, type Command, type Leaving, type Subject } from '../../src/conformance/index.ts'
import { sequenceOf, TOPICS } from './arbitrary.ts'
import { shrink } from './shrink.ts'
import { seedOfRun } from '../seed.ts'

/** However busy the machine is, and however many are asked for. */
const LIMIT_MS = 60 * 60_000
const FILE = join(import.meta.dirname, 'seeds.json')

interface Kept {
  /** What was wrong, in words. */
  readonly why: string
  readonly commands: readonly Command[]
}

export interface PropertyOptions {
  readonly runs: number
  /** Ways of leaving that the subject has. */
  readonly faults: readonly Leaving[]
  readonly durability: readonly string[]
}

/** Registers the tests: the kept sequences, then `runs` random ones (POSTHORN_RUNS: so many instead), half of them with all hints dropped. */
export function holdsAgainstOracle(subject: Subject, { faults, durability, ...options }: PropertyOptions): void {
  const runs = Number(process.env['POSTHORN_RUNS'] ?? options.runs)
  for (const { why, commands } of readKept()) {
    const lacking = commands.flatMap((command) => lackOf(command, faults, durability))
    const skip = lacking.length > 0 && `not-offered: needs ${lacking.join(', ')}`
    test(`${subject.name} and the oracle agree on a kept sequence: ${why}`, { skip }, () =>
      agree(subject, commands, 'deliver'),
    )
  }

  test(`${subject.name} and the oracle agree on ${runs} random sequences`, { timeout: LIMIT_MS }, async (context) => {
    const seed = seedOfRun()
    const started = process.hrtime.bigint()
    let sequences = 0
    let steps = 0
    const property = fc.asyncProperty(
      sequenceOf(faults, durability),
      fc.constantFrom('deliver', 'drop'),
      async (commands, hints) => {
        sequences++
        steps += commands.length
        await agree(subject, commands, hints)
      },
    )
    const details = await fc.check(property, { numRuns: runs, seed, endOnFailure: true })
    const seconds = Number(process.hrtime.bigint() - started) / 1e9
    context.diagnostic(
      `POSTHORN_SEED=${seed}: ${sequences} sequences, ${steps} commands, ${Math.round(sequences / seconds)} sequences/s`,
    )
    if (!details.failed) return
    const [found, hints] = details.counterexample!
    const commands = await shrink(found, (smaller) =>
      agree(subject, smaller, hints as 'drop').then(
        () => false,
        () => true,
      ),
    )
    const error = await agree(subject, commands, hints as 'drop').catch((thrown: unknown) => thrown)
    const why = error instanceof Error ? error.message : String(error)
    keep({ why: `${subject.name}: ${why.split('\n', 1)[0]}`, commands })
    throw new Error(
      `POSTHORN_SEED=${seed} found, and kept in seeds.json:\n${commands.map((command) => JSON.stringify(command)).join('\n')}\n${why}`,
      { cause: error },
    )
  })
}

export async function agree(subject: Subject, commands: readonly Command[], hints: 'deliver' | 'drop'): Promise<void> {
  const drive = await Drive.begin(await subject.create(), { hints, topics: TOPICS })
  try {
    for (const command of commands) await drive.step(command)
    await drive.look()
  } finally {
    await drive.close()
  }
}

function lackOf(command: Command, faults: readonly Leaving[], levels: readonly string[]): string[] {
  if (command.do === 'reopen') return faults.includes(command.how) ? [] : [command.how]
  const asked = command.do === 'commit' ? command.commits.flatMap(({ durability = [] }) => durability) : []
  return asked.filter((level) => !levels.includes(level))
}

function readKept(): Kept[] {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Kept[]
}

function keep(found: Kept): void {
  const kept = readKept()
  const isKnown = kept.some(({ commands }) => JSON.stringify(commands) === JSON.stringify(found.commands))
  if (!isKnown) writeFileSync(FILE, `${JSON.stringify([...kept, found], null, 2)}\n`)
}
