// npm run test:mutants: makes each mistake of mutant.ts in a copy of the sources and asks the cases of its law whether they see
// it. Prints who caught whom; exits with 1 if a mutant survives, or if a text to replace is not there exactly once.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { MUTANTS, type Mutant, type Replacement } from './mutant.ts'

const root = dirname(dirname(import.meta.dirname))
const only = process.argv[2]
const chosen = MUTANTS.filter(({ name }) => only === undefined || name.includes(only))
const LIMIT_MS = 120_000

let survivors = 0
for (const subject of new Set(chosen.map((mutant) => mutant.subject))) {
  for (const law of new Set(chosen.filter((mutant) => mutant.subject === subject).map((mutant) => mutant.law))) {
    const caught = probe({ name: 'no mutant', law, subject, replacements: [] })
    if (caught.length > 0) fail(`without any mutant, ${subject} fails ${law}: ${caught.join(' · ')}`)
  }
}
console.log(`${'mutant'.padEnd(36)}${'law'.padEnd(20)}${'on'.padEnd(8)}caught by`)
for (const mutant of chosen) {
  const caught = probe(mutant)
  if (caught.length === 0) survivors++
  const [first = 'SURVIVED', ...others] = caught
  const rest = others.length === 0 ? '' : ` (and ${others.length} more)`
  console.log(`${mutant.name.padEnd(36)}${mutant.law.padEnd(20)}${mutant.subject.padEnd(8)}${first}${rest}`)
}
console.log(`\n${chosen.length - survivors} of ${chosen.length} mutants caught`)
process.exitCode = survivors > 0 ? 1 : 0

/** The cases of the mutant's law that fail on it. */
function probe({ name, law, subject, replacements }: Mutant): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-mutant-'))
  try {
    cpSync(join(root, 'src'), join(folder, 'src'), { recursive: true })
    cpSync(join(root, 'test', 'conformance'), join(folder, 'test', 'conformance'), { recursive: true })
    cpSync(join(root, 'test', 'mutants'), join(folder, 'test', 'mutants'), { recursive: true })
    cpSync(join(root, 'package.json'), join(folder, 'package.json'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const replacement of replacements) mutate(folder, name, replacement)
    return run(folder, name, [subject, law])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function mutate(folder: string, name: string, { file, from, to }: Replacement): void {
  const path = join(folder, 'src', file)
  const parts = readFileSync(path, 'utf8').split(from)
  if (parts.length !== 2)
    fail(`mutant '${name}': its text is ${parts.length - 1} times in src/${file}, once was expected:\n${from}`)
  writeFileSync(path, parts.join(to))
}

/** A mutant that does not even start is not caught by its law: that is a mistake of the mutant. One that hangs is. */
function run(folder: string, name: string, args: readonly string[]): string[] {
  const { stdout, stderr, status, error } = spawnSync(
    process.execPath,
    [join(folder, 'test/mutants/probe.ts'), ...args],
    { encoding: 'utf8', timeout: LIMIT_MS },
  )
  if (error !== undefined && 'code' in error && error.code === 'ETIMEDOUT') return ['(it never ends)']
  if (status !== 0 || stdout === '') fail(`mutant '${name}' does not run:\n${stderr}`)
  return JSON.parse(stdout) as string[]
}

function fail(why: string): never {
  console.error(why)
  process.exit(1)
}
