// The kit on the oracle itself: a case that asks for more than the laws say, or a drive that cannot tell, fails here first.

import { deepEqual, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CASES, formatReport, LAWS, runKit } from '../../src/conformance/index.ts'
import { modelSubject } from './model-engine.ts'
import { holdsAgainstOracle } from './property.ts'

/** What the oracle leaves out, so that it stays small: it is asked only what is well-formed, and only what other laws hang on. */
const leftOut = [
  'all-or-nothing: a commit refused as invalid leaves no trace',
  'once: an id of more than 200 characters is refused',
  'visible: settings and subscriptions are read as records, and written by their own changes alone',
  'conserved: a message taken over from another engine keeps its state, counts and history, once',
  'conserved: a queue that nobody uses is removed after its time, and comes back with defaults',
  'counted: failures are kept with their time and delay, the newest ten, each cut to a bounded size',
  'bounded: a limit in bytes is kept as well',
  'bounded: what is too large or malformed is refused by name, and nothing of it is kept',
  'bounded: a way of choosing that the engine does not have is refused by name',
]

test('the cases ask for nothing that the oracle does not do', async () => {
  // The oracle takes its time: what is about large numbers is not for it.
  const cases = CASES.filter(({ name }) => !/^however (many|much)/.test(name))
  const report = await runKit(modelSubject, { hints: 'deliver' }, cases)
  const failed = report.outcomes.filter(({ status }) => status === 'failed')
  deepEqual(
    failed.map(({ law, name }) => `${law}: ${name}`),
    leftOut,
    formatReport(report),
  )
})

test('every law has cases, and every case a name of its own', () => {
  for (const law of LAWS)
    ok(
      CASES.some((each) => each.law === law),
      law,
    )
  const names = CASES.map(({ law, name }) => `${law}: ${name}`)
  deepEqual(
    names.filter((name, at) => names.indexOf(name) !== at),
    [],
  )
})

test('the oracle is small', () => {
  const text = readFileSync(join(import.meta.dirname, '../../src/conformance/model.ts'), 'utf8')
  ok(text.trimEnd().split('\n').length <= 300, 'at most 300 lines')
})

holdsAgainstOracle(modelSubject, {
  runs: 200,
  faults: ['close', 'kill', 'power-cut'],
  durability: ['memory', 'os', 'disk'],
})
