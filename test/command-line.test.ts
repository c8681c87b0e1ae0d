// The long programs and the benchmarks, asked for help and given what they do not know.

import { equal, match } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const PROGRAMS = {
  'test/kill9/main.ts': ['rounds', 'seed', 'engine'],
  'test/torture/main.ts': ['only'],
  'test/postgres-faults/main.ts': ['hold'],
  'bench/main.ts': ['mode'],
  'bench/peers/main.ts': ['modes'],
  'bench/postgres/main.ts': ['work'],
  'bench/limit.ts': ['dir', 'seconds', 'bytes'],
  'bench/topic.ts': ['engine', 'rounds', 'bytes'],
  'bench/callback.ts': ['engine', 'rounds', 'endpoints'],
  'bench/snapshot.ts': ['seconds', 'hold'],
  'bench/sqlite.ts': ['mode'],
}

function run(name: string, option: string): { readonly status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(import.meta.dirname, '..', name), option], { encoding: 'utf8' })
}

for (const [name, options] of Object.entries(PROGRAMS))
  test(`${name} says what it takes`, () => {
    const { status, stdout, stderr } = run(name, '--help')
    equal(status, 0)
    equal(stderr, '')
    for (const option of options) match(stdout, new RegExp(`--${option} `))
  })

test('an option that is none is told with those that are, and no trace', () => {
  const { status, stdout, stderr } = run('test/kill9/main.ts', '--round')
  equal(status, 2)
  equal(stdout, '')
  match(stderr, /^Unknown option '--round'\n\nnpm run test:kill9 /)
})
