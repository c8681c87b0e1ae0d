// A reporter for node:test that keeps only what scripts/test.ts sums up: totals, skips, failures and how long each file took, one JSON value a line.

import { resolve } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

export interface Ending {
  readonly kind: 'skipped' | 'failed'
  readonly name: string
  readonly file: string
  readonly reason: string
}

export interface Totals {
  readonly kind: 'totals'
  readonly passed: number
  readonly failed: number
}

/** A file that had a process of its own. */
export interface Took {
  readonly kind: 'took'
  readonly file: string
  readonly ms: number
}

export type Result = Ending | Totals | Took

/** Of some files none of the tests is asked for then. */
const isPart = [...process.argv, ...process.execArgv].some((option) =>
  /^--test-(name-pattern|skip-pattern|only)/.test(option),
)

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let told = 0
  let empty = 0
  for await (const { type, data } of events) {
    if (!isPart && type === 'test:pass' && data.file !== undefined && resolve(data.name) === data.file) {
      // A file that has told of no test passes for one.
      empty++
      told++
      yield line({ kind: 'failed', name: data.name, file: data.file, reason: 'it has no tests' })
      continue
    }
    if (type === 'test:pass' && data.skip !== undefined) {
      yield line({
        kind: 'skipped',
        name: data.name,
        file: data.file ?? '',
        reason: data.skip === true ? 'no reason given' : String(data.skip),
      })
    }
    if (type === 'test:fail' && data.todo === undefined && !isEcho(data.details.error)) {
      told++
      yield line({
        kind: 'failed',
        name: data.name,
        file: data.file ?? '',
        reason: firstLine(data.details.error.message),
      })
    }
    if (type === 'test:complete' && data.file !== undefined && data.name === data.file)
      yield line({ kind: 'took', file: data.file, ms: data.details.duration_ms })
    if (type === 'test:summary' && data.file === undefined) {
      const { tests, passed, skipped, todo } = data.counts
      // Suites are not among the tests that are counted: one whose hook failed would be told of and pass.
      yield line({ kind: 'totals', passed: passed - empty, failed: Math.max(told, tests - passed - skipped - todo) })
    }
  }
}

/** A suite or a file that failed only because something in it did. */
function isEcho(error: Error & { readonly failureType?: unknown }): boolean {
  return error.failureType === 'subtestsFailed'
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? ''
}

function line(value: Result): string {
  return `${JSON.stringify(value)}\n`
}
