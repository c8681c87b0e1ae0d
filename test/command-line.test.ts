// The long programs, asked for help and given what they do not know.

import { equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const PROGRAMS = { 'kill9': ['rounds', 'seed', 'engine'], 'torture': ['only'], 'postgres-faults': ['hold'] }

function run(name: string, option: string): { readonly status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(import.meta.dirname, name, 'main.ts'), option], { encoding: 'utf8' })
}

for (const [name, options] of Object.entries(PROGRAMS))
  test(`${name} says what it takes`, () => {
    const { status, stdout, stderr } = run(name, '--help')
    equal(status, 0)
    equal(stderr, '')
    for (const option of options) match(stdout, new RegExp(`--${option} `))
  })

test('an option that is none is told with those that are, and no trace', () => {
  const { status, stdout, stderr } = run('kill9', '--round')
  equal(status, 2)
  equal(stdout, '')
  match(stderr, /^Unknown option '--round'\n\nnpm run test:kill9 /)
})
