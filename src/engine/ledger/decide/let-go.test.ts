// What may wait for others to share a sync with: the ends of messages that their workers have let go of.
import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { Disk, RecordedStore } from '../../../../test/conformance/recorded-subject.ts'
import { systemClock } from '../../../core/clock.ts'
import type { Change, Token } from '../../../core/engine.ts'
import { createIds } from '../../../core/id.ts'
import { LedgerEngine } from '../engine.ts'
import { Snapshot } from '../snapshot/snapshot.ts'
import { LedgerState } from '../state/state.ts'

class Listening extends RecordedStore {
  /** Of each that asked. */
  patience: boolean[] = []

  override sync(_ = 1, isPatient = false): void {
    this.patience.push(isPatient)
    super.sync()
  }
}

const put = (key: string, more: { readonly ifVersion?: null } = {}): Change => ({
  do: 'put',
  key,
  value: new Uint8Array(1),
  ...more,
})
const error = { code: 'handler-failed', message: 'broken' }

test('an end with records that nobody watches is patient; what somebody may wait for is not', async () => {
  const state = new LedgerState()
  const store = new Listening(new Disk(), systemClock, false)
  store.snapshot = new Snapshot(state)
  store.snapshot.finish()
  const ids = createIds(systemClock)
  const engine = new LedgerEngine({ state, store, clock: systemClock, ids, openedAt: systemClock.wallMs() })
  const send = (): Change => {
    const id = ids.uuid()
    const event = { id, source: '/', type: 'x' }
    return { do: 'send', queue: 'inbox', message: { id, event, body: new Uint8Array(), priority: 4 } }
  }
  const leased = async (): Promise<Token> => {
    await engine.commit([{ changes: [send()] }])
    const wants = [{ queue: 'inbox', max: 1 }]
    const asked = { id: ids.uuid(), worker: 'w', holder: 'process', leaseMs: 60_000, wants } as const
    return (await engine.lease(asked)).deliveries[0]!.token
  }
  using watch = engine.watch({ keys: ['watched'] }, () => {})
  void watch
  const rows: readonly [name: string, changes: (token: Token) => readonly Change[], isPatient: boolean][] = [
    ['an ack', (token) => [{ do: 'ack', token }], true],
    ['an ack and a record', (token) => [{ do: 'ack', token }, put('record')], true],
    ['a burial and a record', (token) => [{ do: 'bury', token, error }, put('record')], true],
    ['a record that is watched', (token) => [{ do: 'ack', token }, put('watched')], false],
    ['a record under a condition', (token) => [{ do: 'ack', token }, put('new', { ifVersion: null })], false],
    ['an effect', (token) => [{ do: 'ack', token }, send()], false],
    ['what is ready again', (token) => [{ do: 'release', token, delay: { afterMs: 0 } }], false],
    ['a record alone', () => [put('record')], false],
  ]
  for (const [name, changes, isPatient] of rows) {
    const token = await leased()
    store.patience = []
    await engine.commit([{ changes: changes(token) }])
    deepEqual(store.patience, [isPatient], name)
  }
  const [one, other] = [await leased(), await leased()]
  store.patience = []
  await engine.commit([{ changes: [{ do: 'ack', token: one }, put('record')] }, { changes: [send()] }])
  deepEqual(store.patience, [false], 'with one that cannot wait')
  await engine.commit([{ changes: [{ do: 'ack', token: other }] }])
  await engine.close()
})
