// What the runner promises whoever waits for it: a test file that fails does not keep it, and does not pass.

import { deepEqual, equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Result } from '../scripts/test-report.ts'

const ending = join(import.meta.dirname, '../scripts/test-ending.ts')
const report = join(import.meta.dirname, '../scripts/test-report.ts')
// A test process inside of a test process would report to the outer one.
const { NODE_TEST_CONTEXT: _, ...env } = process.env

test('a failed assertion that leaves a server open ends its file, and both are told', (t) => {
  const file = written(
    t,
    `import { test } from 'node:test'
import { createServer } from 'node:net'
test('leaves', () => {
  createServer().listen(0, '127.0.0.1')
  throw new Error('the assertion')
})
`,
  )
  const { status, stdout, stderr } = ran(['--import', ending, file])
  equal(status, 1)
  match(stdout, /✖ leaves/)
  match(stderr, /its tests are over, and still open: .*TCPServerWrap/)
})

test('a file that ends before its tests are over fails', (t) => {
  for (const [text, expected] of [
    ["test('first', () => {})\ntest('second', () => process.exit(0))\ntest('third', () => {})", 1],
    ["test('first', () => {})", 0],
  ] as const) {
    const { status } = ran(['--import', ending, written(t, `import { test } from 'node:test'\n${text}\n`)])
    equal(status, expected, text)
  }
})

test('a suite whose hook fails is counted among what failed', (t) => {
  const file = written(
    t,
    `import { after, describe, test } from 'node:test'
describe('suite', () => {
  after(() => {
    throw new Error('the hook')
  })
  test('passes', () => {})
})
`,
  )
  const { stdout } = ran(['--test', `--test-reporter=${report}`, file])
  const results = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Result)
  deepEqual(
    results.find(({ kind }) => kind === 'totals'),
    { kind: 'totals', passed: 1, failed: 1 },
  )
})

test('a file without tests fails', (t) => {
  const file = written(t, 'export {}\n')
  for (const isolation of ['process', 'none']) {
    const { stdout } = ran(['--test', `--test-isolation=${isolation}`, `--test-reporter=${report}`, file])
    const results = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Result)
    const [failed, totals] = results.filter(({ kind }) => kind !== 'took')
    deepEqual({ ...failed, name: '' }, { kind: 'failed', name: '', file, reason: 'it has no tests' })
    deepEqual(totals, { kind: 'totals', passed: 0, failed: 1 })
  }
})

function written(t: TestContext, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-runner-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'one.test.mjs')
  writeFileSync(file, text)
  return file
}

function ran(args: readonly string[]): {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
} {
  return spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...env, POSTHORN_TEST_PATIENCE_MS: '50' },
    timeout: 60_000,
  })
}
