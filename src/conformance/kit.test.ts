import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Capabilities, Engine } from '../core/engine.ts'
import type { Case } from './case.ts'
import { formatReport, runCase, runKit } from './kit.ts'
import type { Subject } from './subject.ts'

const capabilities: Capabilities = {
  engine: 'none',
  durability: ['memory'],
  atomic: 'commit',
  processes: 'one',
  clock: 'monotonic',
  limitSlack: 0,
  maxChanges: 1,
  maxBodyBytes: 1,
  pick: ['fifo'],
  fair: false,
  join: false,
  retained: false,
  deviations: [{ law: 'dedupe', why: 'the broker has no such thing' }],
}

/** An engine that can only be opened and closed, and counts how often. */
function subjectOf(): Subject & { readonly opened: () => number; readonly closed: () => number } {
  let opened = 0
  let closed = 0
  return {
    name: 'none',
    opened: () => opened,
    closed: () => closed,
    create: () => ({
      open() {
        opened++
        return Promise.resolve({ capabilities, close: () => Promise.resolve(void closed++) } as unknown as Engine)
      },
      faults: {},
    }),
  }
}

const caseOf = (each: Partial<Case>): Case => ({
  law: 'visible',
  name: 'a case',
  run: () => Promise.resolve(),
  ...each,
})
const broken = () => Promise.reject(new Error('two holders'))

test('a case that holds has passed, one that throws has failed and says why', async () => {
  equal((await runCase(subjectOf(), caseOf({}))).status, 'passed')
  const { status, detail } = await runCase(subjectOf(), caseOf({ run: broken }))
  deepEqual([status, detail], ['failed', 'two holders'])
})

test('what an engine cannot be asked is not offered, what it declares not to keep is a deviation, and neither is run', async () => {
  for (const need of ['os', 'disk', 'kill', 'power-cut', 'second', 'retained', 'priority'] as const) {
    const { status, detail } = await runCase(subjectOf(), caseOf({ needs: [need], run: broken }))
    deepEqual([status, detail], ['not-offered', `needs ${need}`])
  }
  const { status, detail } = await runCase(subjectOf(), caseOf({ law: 'dedupe', run: broken }))
  deepEqual([status, detail], ['deviation', 'the broker has no such thing'])
  equal((await runCase(subjectOf(), caseOf({ needs: ['fifo', 'atomic', 'exact-limits'] }))).status, 'passed')
})

test('every case has a storage of its own, and closes what it opened, also when it fails', async () => {
  const subject = subjectOf()
  await runKit(subject, { hints: 'deliver' }, [caseOf({}), caseOf({ run: broken })])
  deepEqual([subject.opened(), subject.closed()], [2, 2])
})

test('the table counts each law by what was shown, and lists what did not pass', async () => {
  const cases = [
    caseOf({}),
    caseOf({ name: 'another', run: broken }),
    caseOf({ law: 'dedupe' }),
    caseOf({ needs: ['kill'] }),
  ]
  const table = formatReport(await runKit(subjectOf(), { hints: 'drop' }, cases)).split('\n')
  const row = (law: string) =>
    table
      .find((line) => line.startsWith(law))
      ?.split(/\s+/)
      .slice(1)
  deepEqual(row('visible'), ['1', '1', '1', '0'])
  deepEqual(row('dedupe'), ['0', '0', '0', '1'])
  ok(table.includes('failed · visible · another: two holders'))
})
