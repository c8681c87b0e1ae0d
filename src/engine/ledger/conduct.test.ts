// What a call leaves behind that makes no sense, and who comes first.
import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { Disk, RecordedStore } from '../../../test/conformance/recorded-subject.ts'
import { ManualClock } from '../../core/clock.ts'
import type { CommitResult, LeaseRequest } from '../../core/engine.ts'
import { createIds } from '../../core/id.ts'
import type { Message } from '../../core/message.ts'
import { LedgerEngine } from './engine.ts'
import { Snapshot } from './snapshot/snapshot.ts'
import { LedgerState } from './state/state.ts'

test('what time decided before a call that makes no sense is made durable, and holds up nobody', async () => {
  const { clock, engine, send } = create()
  await send([{ expires: { at: clock.wallMs() + 1_000 } }])
  const sent = send()
  clock.stepWall(1_000)
  await rejects(engine.extend([], -1), { code: 'invalid' })
  await sent
  const { deliveries } = await engine.lease(request('first', 10))
  equal(deliveries.length, 1)
  await engine.close()
})

test('who has been handed much waits with his next request for callers who wait for their commits', async () => {
  const { engine, send } = create()
  await fallBehind(engine, send)
  const told: string[] = []
  const calls = [
    send().then(() => told.push('sent')),
    engine.lease(request('first', 100)).then(() => told.push('first')),
    engine.lease(request('second', 100)).then(() => told.push('second')),
  ]
  await Promise.all(calls)
  deepEqual(told, ['first', 'sent', 'second'])
  await engine.close()
})

test('a worker does not wait for its own acks: nobody who sends waits for them', async () => {
  const { engine, send } = create()
  await fallBehind(engine, send)
  const { deliveries } = await engine.lease(request('first', 100))
  const told: string[] = []
  const calls = [
    engine.commit(deliveries.map(({ token }) => ({ changes: [{ do: 'ack', token }] }))).then(() => told.push('acked')),
    engine.lease(request('second', 100)).then(() => told.push('second')),
  ]
  await Promise.all(calls)
  deepEqual(told, ['second', 'acked'])
  await engine.close()
})

test('an event that becomes many messages makes way for as many hand-outs', async () => {
  const { engine, send, message } = create()
  await fallBehind(engine, send)
  const subscriptions = Array.from({ length: 100 }, (_, at) => {
    const subscription = { topic: 't', name: `s${at}`, types: [], filters: [], from: 'now', order: 'none' } as const
    return { do: 'bind', subscription } as const
  })
  await engine.commit([{ changes: subscriptions }])
  const told: string[] = []
  const calls = [
    engine
      .commit([{ changes: [{ do: 'publish', topic: 't', message: message() }] }])
      .then(() => told.push('published')),
    engine.lease(request('first', 100)).then(() => told.push('first')),
    engine.lease(request('second', 100)).then(() => told.push('second')),
  ]
  await Promise.all(calls)
  deepEqual(told, ['first', 'second', 'published'])
  await engine.close()
})

test('what time decided as a request came that waits for callers is made durable with theirs, and does not hold it up', async () => {
  const { clock, engine, send } = create()
  await fallBehind(engine, send)
  await send([{ expires: { at: clock.wallMs() + 1_000 } }])
  equal((await engine.lease(request('none', 1))).deliveries.length, 1)
  const sent = send()
  equal((await engine.lease(request('first', 100))).deliveries.length, 100)
  clock.stepWall(1_000)
  const second = engine.lease(request('second', 100))
  await sent
  equal((await second).deliveries.length, 100)
  await engine.close()
})

/** A backlog of which as much was handed out as those who sent it have saved up for. */
async function fallBehind(engine: LedgerEngine, send: Send): Promise<void> {
  for (let commits = 0; commits < 3; commits++) await send(Array.from({ length: 10_000 }, () => ({})))
  for (let leases = 0; leases < 2; leases++)
    equal((await engine.lease(request('before', 10_000))).deliveries.length, 10_000)
}

type Send = (messages?: readonly Partial<Message>[]) => Promise<readonly CommitResult[]>

function create(): {
  clock: ManualClock
  engine: LedgerEngine
  send: Send
  message: (more?: Partial<Message>) => Message
} {
  const clock = new ManualClock()
  const ids = createIds(clock)
  const state = new LedgerState()
  const store = new RecordedStore(new Disk(), clock, false)
  store.snapshot = new Snapshot(state)
  store.snapshot.finish()
  const engine = new LedgerEngine({ state, store, clock, ids, openedAt: clock.wallMs() })
  const message = (more: Partial<Message> = {}): Message => {
    const id = ids.uuid()
    return { id, event: { id, source: '/', type: 'x' }, body: new Uint8Array(), priority: 4, ...more }
  }
  const send = (messages: readonly Partial<Message>[] = [{}]): Promise<readonly CommitResult[]> => {
    const changes = messages.map((more) => ({ do: 'send', queue: 'inbox', message: message(more) }) as const)
    return engine.commit([{ changes }])
  }
  return { clock, engine, send, message }
}

function request(id: string, max: number): LeaseRequest {
  return { id, worker: 'w', holder: 'process', leaseMs: 1_000, wants: [{ queue: 'inbox', max }] }
}
