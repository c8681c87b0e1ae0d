// Runs the test files of test/: a process each, two at a time, the longest first.

import { join } from 'node:path'
import { run } from 'node:test'

/** Each test may take so long; one that knows that it takes longer says so itself. What keeps its process busy all the time ends with the run. */
const TEST_MINUTES = 6

/** Those that take longest, so that none of them is alone at the end; by turns one that mostly waits for a server or for processes. */
const LONGEST = [
  'test/conformance/postgres.test.ts',
  'test/conformance/file.test.ts',
  'test/conformance/sqlite-pair.test.ts',
  'test/conformance/sqlite.test.ts',
  'test/copy/kill.test.ts',
  'test/conformance/pglite.test.ts',
  'test/cli/command.test.ts',
  'test/app/apart.test.ts',
  'test/example/open-platform.test.ts',
  'test/package.test.ts',
  'test/types.test.ts',
  'test/conformance/real-disk.test.ts',
  'test/conformance/memory.test.ts',
]

/** `options`: of node, for each of the processes. */
export function runFiles(
  root: string,
  files: readonly string[],
  options: readonly string[],
  minutes: number,
): ReturnType<typeof run> {
  return run({
    cwd: root,
    files: files.toSorted((one, other) => placeOf(one) - placeOf(other)).map((file) => join(root, file)),
    concurrency: 2,
    signal: AbortSignal.timeout(minutes * 60_000),
    execArgv: [
      '--import',
      join(import.meta.dirname, 'test-ending.ts'),
      `--test-timeout=${TEST_MINUTES * 60_000}`,
      ...options,
    ],
  })
}

function placeOf(file: string): number {
  const place = LONGEST.indexOf(file)
  return place === -1 ? LONGEST.length : place
}
