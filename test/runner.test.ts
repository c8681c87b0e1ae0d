// What the runner promises whoever waits for it: a test file that fails does not keep it.

import { equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const ending = join(import.meta.dirname, '../scripts/test-ending.ts')

test('a failed assertion that leaves a server open ends its file, and both are told', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-runner-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'leaves.test.mjs')
  writeFileSync(
    file,
    `import { test } from 'node:test'
import { createServer } from 'node:net'
test('leaves', () => {
  createServer().listen(0, '127.0.0.1')
  throw new Error('the assertion')
})
`,
  )
  // A test process inside of a test process would report to the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', ending, file], {
    encoding: 'utf8',
    env: { ...env, POSTHORN_TEST_PATIENCE_MS: '50' },
    timeout: 60_000,
  })
  equal(status, 1)
  match(stdout, /✖ leaves/)
  match(stderr, /its tests are over, and still open: .*TCPServerWrap/)
})
