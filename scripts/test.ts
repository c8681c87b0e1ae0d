// Runs the tests: `npm test`, or `npm test -- PATTERN…` for the files whose path contains a pattern; options (--…) go to node.
// Unit tests (src/) share one process and finish in a moment; those in test/ get a process each, two at a time (scripts/test-files.ts).
// POSTHORN_TEST_REQUIRE=postgres,redis makes a skip that names one of these a failure, so that CI cannot pass by skipping.

import { spawn } from 'node:child_process'
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { finished } from 'node:stream/promises'
import { spec } from 'node:test/reporters'
import { keepCompiled } from '../test/compiled.ts'
import { dropStaleSchemas } from '../test/postgres/schema.ts'
import { runFiles } from './test-files.ts'
import report, { type Ending, type Result, type Took } from './test-report.ts'

const root = dirname(import.meta.dirname)
const options = process.argv.slice(2).filter((argument) => argument.startsWith('--'))
const patterns = process.argv.slice(2).filter((argument) => !argument.startsWith('--'))
const required = (process.env['POSTHORN_TEST_REQUIRE'] ?? '').split(',').filter(Boolean)

/** Of all the units, and of all the files in processes of their own. */
const MINUTES = { units: 5, files: 60 }

/** So many of the slowest files are named, where there are more. */
const SLOWEST = 8

keepCompiled()
const endings: Ending[] = []
const took: Took[] = []
const sum = { passed: 0, failed: 0 }
const units = select('src/**/*.test.ts')
const files = select('test/**/*.test.ts')
if (units.length > 0) await runUnits(units)
if (files.length > 0) await runInProcesses(files)
if (units.length + files.length === 0 && patterns.length > 0)
  fail(patterns.join(' '), 'no test file has this in its path')
const skipped = endings.filter((ending) => ending.kind === 'skipped')
for (const skip of skipped) {
  const engine = required.find((name) =>
    `${skip.file} ${skip.name} ${skip.reason}`.toLowerCase().includes(name.trim().toLowerCase()),
  )
  if (engine) fail(skip.name, `skipped, but POSTHORN_TEST_REQUIRE names ${engine}`, skip.file)
}

if (took.length > SLOWEST) listSlowest()
list('SKIPPED', skipped)
const failed = endings.filter((ending) => ending.kind === 'failed')
list('FAILED', failed)
console.log(`\n${sum.passed} passed, ${sum.failed} failed, ${skipped.length} skipped`)
process.exitCode = sum.failed > 0 ? 1 : 0

function select(pattern: string): string[] {
  const found = globSync(pattern, { cwd: root }).sort()
  return patterns.length === 0 ? found : found.filter((file) => patterns.some((part) => file.includes(part)))
}

async function runUnits(selected: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-test-'))
  const results = join(folder, 'results')
  const reporters = ['spec', 'stdout', join(import.meta.dirname, 'test-report.ts'), results]
  const ended = await node([
    '--test',
    '--test-isolation=none',
    ...reporters.map((value, index) => `--test-reporter${index % 2 ? '-destination' : ''}=${value}`),
    ...options,
    ...selected,
  ])
  const lines = readFileSync(results, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean)
  rmSync(folder, { recursive: true })
  const { totals, failed } = sumUp(lines)
  if (!totals) fail('src/', `ended with ${ended} before its tests; a timer or socket left open keeps it waiting`)
  else if (ended !== '0' && failed === 0) fail('src/', `ended with ${ended}, though no test failed`)
}

function node(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: MINUTES.units * 60_000,
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve(String(code ?? signal)))
  })
}

async function runInProcesses(selected: readonly string[]): Promise<void> {
  await dropStaleSchemas()
  const events = runFiles(root, selected, options, MINUTES.files)
  const shown = events.compose(new spec())
  shown.pipe(process.stdout)
  const lines: string[] = []
  for await (const line of events.compose(report)) lines.push(String(line))
  await finished(shown)
  if (!sumUp(lines).totals) fail('test/', 'ended before its tests')
}

function sumUp(lines: readonly string[]): { readonly totals: boolean; readonly failed: number } {
  const parsed = lines.map((line) => JSON.parse(line) as Result)
  for (const value of parsed) {
    if (value.kind === 'took') took.push(value)
    else if (value.kind !== 'totals') endings.push(value)
  }
  const totals = parsed.find((value) => value.kind === 'totals')
  sum.passed += totals?.passed ?? 0
  sum.failed += totals?.failed ?? 0
  return { totals: totals !== undefined, failed: totals?.failed ?? 0 }
}

function fail(name: string, reason: string, file = ''): void {
  endings.push({ kind: 'failed', name, file, reason })
  sum.failed += 1
}

function listSlowest(): void {
  console.log('\nSLOWEST')
  const slowest = took.toSorted((one, other) => other.ms - one.ms).slice(0, SLOWEST)
  for (const { file, ms } of slowest) console.log(`  ${relative(root, file)} · ${Math.round(ms / 1_000)} s`)
}

/** One line for each, or for a whole group where many have one file and one reason. */
function list(title: string, listed: readonly Ending[]): void {
  if (listed.length > 0) console.log(`\n${title}`)
  const groups = Map.groupBy(listed, ({ file, reason }) => `${file ? relative(root, file) : ''}\n${reason ?? ''}`)
  for (const [key, group] of groups) {
    const [file, reason] = key.split('\n')
    const names = group.length > 3 ? [`${group.length} tests`] : group.map(({ name }) => name)
    for (const name of names) console.log(`  ${[file, name, reason].filter(Boolean).join(' · ')}`)
  }
}
