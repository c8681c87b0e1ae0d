// Real GitHub events fanned out to three apps: each gets exactly those that it asked for, however flaky, slow or in the middle of a rotation it is.

import { deepEqual, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const program = join(import.meta.dirname, '../../examples/open-platform/fan-out/main.ts')

test('each app gets exactly the events that it asked for', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program], { encoding: 'utf8', timeout: 180_000 })
  deepEqual({ status, stderr }, { status: 0, stderr: '' }, stdout)
  match(stdout, /^727 GitHub events were taken in/m)
  for (const [name, count] of [
    ['builds', 130],
    ['board', 140],
    ['audit', 546],
  ])
    match(stdout, new RegExp(`^  ${name} .* ${count}\\s+${count}\\s+yes `, 'm'))
  match(stdout, /each app got exactly the events that it asked for\n$/)
})
