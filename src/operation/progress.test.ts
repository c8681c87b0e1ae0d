import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../core/clock.ts'
import type { Change, Commit } from '../core/engine.ts'
import { fromJsonBytes, toJsonBytes } from '../core/json.ts'
import type { StoredMessage } from '../core/message.ts'
import { silentLog } from '../runtime/log.ts'
import { ProgressReport } from './progress.ts'

const id = '01890000-0000-7000-8000-000000000001'
const stored = {
  id,
  queue: 'task:t',
  message: { id, event: { id, source: 's', type: 't' }, body: new Uint8Array(), priority: 4 },
  acquired: 2,
  sentAt: 5,
} as StoredMessage

/** Records alone: enough of an engine. */
function bench() {
  const clock = new ManualClock()
  const commits: Commit[] = []
  let version = 0
  let value: Uint8Array | null = null
  const run = { over: false }
  const put = (change: Extract<Change, { do: 'put' }>) => {
    if (change.ifVersion !== undefined && change.ifVersion !== (value === null ? null : String(version)))
      return { status: 'refused', code: 'conflict', at: 0, detail: 'conflict' } as const
    value = change.value
    return {
      status: 'committed',
      durability: 'memory',
      replayed: false,
      results: [{ version: String(++version) }],
    } as const
  }
  const engine = {
    commit: async (given: readonly Commit[]) =>
      given.map((commit) => (commits.push(commit), put(commit.changes[0] as Extract<Change, { do: 'put' }>))),
    get: async () => [
      value === null ? null : { key: `operation/${id}`, value, version: String(version), expiresAt: null },
    ],
  }
  const record = () =>
    (value === null ? null : fromJsonBytes(value)) as {
      readonly status: string
      readonly progress?: unknown
      readonly attempts?: number
    } | null
  return {
    clock,
    commits,
    engine,
    record,
    run,
    report: new ProgressReport({ engine, clock }, stored, silentLog, 7, () => run.over),
    end: (endedAt = 9) => put({ do: 'put', key: '', value: toJsonBytes({ status: 'succeeded', endedAt }) }),
  }
}

const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

test('the first progress is put at once, the latest of the next second after it', async () => {
  const { clock, commits, record, report } = bench()
  for (const fraction of [0.1, 0.2, 0.3]) report.report(fraction)
  await settle()
  deepEqual(record(), {
    id,
    task: 't',
    version: 1,
    status: 'running',
    progress: { fraction: 0.1 },
    attempts: 2,
    createdAt: 5,
    startedAt: 7,
  })
  clock.advance(999)
  await settle()
  equal(commits.length, 1)
  clock.advance(1)
  await settle()
  deepEqual(record()!.progress, { fraction: 0.3 })
  clock.advance(5_000)
  report.report(0.4, 'note')
  await settle()
  deepEqual(record()!.progress, { fraction: 0.4, note: 'note' })
  equal(commits.length, 3)
})

test('nothing is put where nothing is reported, and nothing after the end of the run', async () => {
  const { clock, commits, report } = bench()
  report.report(0.1)
  await settle()
  report.report(0.2)
  report.end()
  report.report(0.3)
  clock.advance(5_000)
  await settle()
  equal(commits.length, 1)
  equal(clock.nextTimerInMs(), null)
})

test('a run that lost its message neither undoes the end nor goes on trying', async () => {
  const { clock, commits, record, report, end } = bench()
  report.report(0.1)
  await settle()
  end()
  clock.advance(2_000)
  report.report(0.9)
  await settle()
  equal(record()!.status, 'succeeded')
  clock.advance(2_000)
  report.report(1)
  await settle()
  equal(commits.length, 2)
})

test('the first progress of a run that is over, or that another has ended, undoes no end', async () => {
  for (const over of [true, false]) {
    const { commits, record, report, run, end } = bench()
    end()
    run.over = over
    report.report(0.9)
    await settle()
    equal(record()!.status, 'succeeded')
    equal(commits.length, 0)
  }
})

test('the end of a dead letter that was redriven since then hides no progress', async () => {
  const { record, report, end } = bench()
  end(6)
  report.report(0.9)
  await settle()
  deepEqual(record()!.progress, { fraction: 0.9 })
})

test('an engine that does not answer costs the run nothing', async () => {
  const { clock, engine, report } = bench()
  engine.commit = () => Promise.reject(new Error('away'))
  report.report(0.1)
  await settle()
  clock.advance(1_000)
  report.report(0.2)
  await settle()
})

test('progress is a number from 0 to 1', () => {
  const { report } = bench()
  for (const wrong of [-0.1, 1.1, Number.NaN, '0.5'])
    throws(() => report.report(wrong as number), { code: 'invalid-option', message: /it must be a number from 0 to 1/ })
})
