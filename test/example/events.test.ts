// examples/events prints what its output.txt says, and ends by itself.

import { deepEqual } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const folder = join(import.meta.dirname, '../../examples/events')

test('examples/events prints what it says', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'main.ts'), '--once'], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  deepEqual(
    { status, stdout, stderr },
    { status: 0, stdout: readFileSync(join(folder, 'output.txt'), 'utf8'), stderr: '' },
  )
})
