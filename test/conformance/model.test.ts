// The kit on the oracle itself: a case that asks for more than the laws say, or a drive that cannot tell, fails here first.

import { deepEqual, ok } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CASES, formatReport, LAWS, runKit } from '../../src/conformance/index.ts'
import { modelSubject } from './model-engine.ts'
import { holdsAgainstOracle } from './property.ts'

/** What the oracle leaves to the cases, so that it stays small (docs/adr/0004-size-of-the-oracle.md lists it in words). */
const leftOut = [
  'all-or-nothing: a commit refused as invalid leaves no trace',
  'once: an id of more than 200 characters is refused',
  'visible: settings and subscriptions are read as records, and written by their own changes alone',
  'conserved: a message taken over from another engine keeps its state, counts and history, once',
  'conserved: a queue that nobody uses is removed after its time, and comes back with defaults',
  'counted: failures are kept with their time and delay, the newest ten, each cut to a bounded size',
  'ended: a dead letter that is too old',
  'ended: a dead letter for which there is no room',
  'routed: a subscription over its limit is suspended, its gap counted, and no publisher or other subscription hindered',
  'routed: a suspended subscription is live again below half its limit, and misses nothing from then on',
  'routed: a subscription can begin at a time or behind a position, and only where events are kept',
  'routed: what a suspended subscription was owed and its topic keeps no longer is a gap',
  'routed: a gap says from when to when it was and how many were missed, of those that the subscription wants',
  'routed: what a topic forgets as it keeps no more is a gap of those who were still owed it, and what comes then is of that gap',
  'routed: a gap is there after close, and goes on',
  'routed: a gap is there after kill, and goes on',
  'routed: a gap is there after power-cut, and goes on',
  'bounded: a limit in bytes is kept as well',
  'bounded: dead letters are bounded, the oldest go first',
  'bounded: ended messages are kept so many and so long as the queue says, and forgotten after',
  'bounded: gaps of a suspended subscription are bounded',
  'bounded: what is too large or malformed is refused by name, and nothing of it is kept',
  'bounded: a way of choosing that the engine does not have is refused by name',
  'bounded: the dead letters that go first are those that died first, whenever they were sent',
  'bounded: bounds that are lowered are kept by what is there already',
  'bounded: a dead letter that grows too old while the engine is away is discarded and reported once by close',
  'bounded: a dead letter that grows too old while the engine is away is discarded and reported once by kill',
  'bounded: a dead letter that grows too old while the engine is away is discarded and reported once by power-cut',
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
  const folder = join(import.meta.dirname, '../../src/conformance')
  const parts = readdirSync(folder).filter((name) => name.startsWith('model') && name.endsWith('.ts'))
  const lines = parts.map((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').length)
  ok(lines.reduce((sum, each) => sum + each, 0) <= 300, `at most 300 lines in all: ${parts.join(', ')}`)
})

holdsAgainstOracle(modelSubject, {
  runs: 200,
  faults: ['close', 'kill', 'power-cut'],
  durability: ['memory', 'os', 'disk'],
})
