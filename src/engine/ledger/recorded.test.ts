// The ledger over a log of decided effects: killed, cut off, replayed, and held against the laws and the oracle.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { ManualClock } from '../../core/clock.ts'
import { createIds } from '../../core/id.ts'
import { fromJsonBytes } from '../../core/json.ts'
import type { Message, Report } from '../../core/message.ts'
import { formatReport, runKit } from '../../conformance/index.ts'
import { sequenceOf } from '../../../test/conformance/arbitrary.ts'
import { agree } from '../../../test/conformance/property.ts'
import { Disk, recorded, RecordedStore } from '../../../test/conformance/recorded-subject.ts'
import { LedgerEngine } from './engine.ts'
import { Snapshot } from './snapshot/snapshot.ts'
import { LedgerState } from './state/state.ts'
import type { StoreListener } from './store.ts'
import { seedOfRun } from '../../../test/seed.ts'

for (const isCold of [false, true]) {
  test(`the ledger keeps every law over kills and power cuts, contents ${isCold ? 'far away' : 'at hand'}`, async () => {
    const report = await runKit(recorded(isCold))
    const failed = report.outcomes.filter(({ status }) => status === 'failed')
    equal(failed.length, 0, formatReport(report))
  })
}

test('the ledger and the oracle agree on random sequences with kills and power cuts', async (context) => {
  const runs = Number(process.env['POSTHORN_LEDGER_RUNS'] ?? 150)
  const seed = seedOfRun()
  const property = fc.asyncProperty(sequenceOf(['close', 'kill', 'power-cut'], ['os', 'disk']), (commands) =>
    agree(recorded(false), commands, 'deliver'),
  )
  const details = await fc.check(property, { numRuns: runs, seed })
  context.diagnostic(`POSTHORN_SEED=${seed}`)
  const found = details.counterexample?.[0].map((command) => JSON.stringify(command)).join('\n')
  ok(!details.failed, `POSTHORN_SEED=${seed}\n${found}\n${String(details.errorInstance)}`)
})

const message = (n: number, attributes: Partial<Message> = {}): Message => ({
  id: `00000000-0000-7000-8000-00000000000${n}`,
  event: { id: String(n), source: '/', type: 'x' },
  body: new Uint8Array(),
  priority: 4,
  ...attributes,
})

function openAlone(change: (store: RecordedStore) => void): {
  readonly engine: LedgerEngine
  readonly store: RecordedStore
} {
  const clock = new ManualClock()
  const state = new LedgerState()
  const store = new RecordedStore(new Disk(), clock, false)
  store.snapshot = new Snapshot(state)
  store.snapshot.finish()
  change(store)
  return { engine: new LedgerEngine({ state, store, clock, ids: createIds(clock), openedAt: clock.wallMs() }), store }
}

test('an engine of which the store fails says so and answers nothing more', async () => {
  let listener: StoreListener | null = null
  const { engine } = openAlone((store) => {
    store.attach = (given) => void (listener = given)
    store.sync = () => {}
  })
  const lost = engine.commit([{ changes: [{ do: 'send', queue: 'q', message: message(1) }] }])
  listener!.failed(new Error('no disk'))
  await rejects(lost, { code: 'unknown' })
  await rejects(engine.depth('all'), { code: 'engine-failed' })
})

test('a page marks what cannot be read and shows the rest; who asks for it alone is told which it is', async () => {
  const { engine, store } = openAlone(() => {})
  const sends = [1, 2, 3].map((n) => ({ changes: [{ do: 'send' as const, queue: 'q', message: message(n) }] }))
  const value = new Uint8Array([1])
  await engine.commit([...sends, { changes: [{ do: 'put', key: 'a', value }] }])
  for (const block of [2, 4]) store.blocks.damaged.add(block)
  const { items } = await engine.browse({ queue: 'q', state: 'ready', after: null, limit: 10 })
  deepEqual(
    items.map(({ id, reason, message: { event } }) => [id, reason, event.type]),
    [1, 2, 3].map((n) => [
      message(n).id,
      n === 2 ? 'corrupt' : null,
      n === 2 ? 'posthorn.message.unreadable' : message(n).event.type,
    ]),
  )
  const { id } = message(2)
  await rejects(engine.find([{ queue: 'q', id }]), { code: 'corrupt', details: { queue: 'q', id } })
  await rejects(engine.list({ prefix: '', after: null, limit: 10 }), { code: 'corrupt', details: { key: 'a' } })
  await engine.commit([{ changes: [{ do: 'discard', messages: [{ queue: 'q', id }] }] }])
  equal((await engine.depth(['q']))[0]!.ended.discarded, 1, 'what cannot be read can be thrown away')
})

test('a message that cannot be read is dead and reported, and the rest of its batch is handed out', async () => {
  const { engine, store } = openAlone(() => {})
  const sends = [1, 2, 3].map((n) => ({
    changes: [{ do: 'send' as const, queue: 'q', message: message(n, { report: 'ends' }) }],
  }))
  await engine.commit(sends)
  store.blocks.damaged.add(2)
  const lease = (queue: string) =>
    engine.lease({ id: queue, worker: 'w', holder: 'client', leaseMs: 100, wants: [{ queue, max: 9 }] })
  const { deliveries } = await lease('q')
  deepEqual(
    deliveries.map(({ stored }) => stored.message.event.id),
    ['1', '3'],
  )
  equal((await engine.depth(['q']))[0]!.dead, 1)
  const [report] = (await lease('ends')).deliveries
  const { id, reason, message: told } = fromJsonBytes(report!.stored.message.body) as Report
  deepEqual([id, reason, told.id], [message(2).id, 'corrupt', message(2).id])
})
