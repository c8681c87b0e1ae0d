// Which endpoints there are, as those who deliver learn it: each change costs the reading of what changed, and none is missed for long.

import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { Agent } from 'undici'
import { ManualClock } from '../../core/clock.ts'
import { createIds } from '../../core/id.ts'
import { endpointQueue } from '../../core/name.ts'
import { createMemoryEngine } from '../../engine/memory/engine.ts'
import { silentLog } from '../../runtime/log.ts'
import { ENDPOINT_PREFIX, type EndpointSettings } from '../endpoint/endpoint.ts'
import { holdEndpointsOf } from '../endpoint/hold.ts'
import { EndpointStore } from '../endpoint/store.ts'
import { createMac } from '../sign/mac.ts'
import { Dispatch } from './dispatch.ts'

const SETTINGS: EndpointSettings = {
  url: 'https://a.example/',
  description: '',
  app: null,
  subscriptions: [],
  profile: 'standard-webhooks',
  signature: 'v1',
  order: 'none',
  ratePerSecond: null,
  concurrency: 10,
  timeoutMs: null,
  retry: null,
  payload: 'full',
  enabled: true,
  drainPerSecond: null,
  answerTo: null,
}

async function open() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  const memory = createMemoryEngine({ clock, ids: createIds(clock) })
  let readings = 0
  const list: typeof memory.list = (query) => {
    if (query.prefix === ENDPOINT_PREFIX) readings++
    return memory.list(query)
  }
  const engine = new Proxy(memory, {
    get: (target, name) => {
      if (name === 'list') return list
      const found: unknown = Reflect.get(target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
  const deps = { engine, clock, ids: createIds(clock), random: () => 0.5, log: silentLog, source: '/' }
  const agent = new Agent()
  const served = new Set<string>()
  const dispatch = new Dispatch(
    { ...deps, agent, origin: 'posthorn.example', checkUrl: () => {}, failingMs: 1_000, mac: createMac() },
    { add: ({ queue }) => void served.add(queue), remove: (queue) => void served.delete(queue), wake: () => {} },
  )
  /** By a process whose clock is off. */
  const storeOf = (offMs: number) => new EndpointStore({ ...deps, clock: new ManualClock(clock.wallMs() + offMs) })
  return {
    clock,
    engine,
    dispatch,
    storeOf,
    create: (id: string, offMs = 0, app: string | null = null) =>
      storeOf(offMs).create(id, { ...SETTINGS, app }, { secrets: [], headers: {} }),
    /** What there is to do at this time is done. */
    settle: async () => {
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    },
    served: () => [...served].toSorted(),
    readings: () => readings,
    close: async () => {
      await dispatch.stop()
      await agent.close()
      await memory.close()
    },
  }
}

test('what changes is read alone, and all once more a minute later', async () => {
  const { clock, dispatch, storeOf, create, settle, served, readings, close } = await open()
  for (let n = 0; n < 20; n++) await create(`old-${n}`)
  await dispatch.start()
  equal(readings(), 1)
  const before = served()
  await create('new')
  await settle()
  deepEqual(served(), [...before, endpointQueue('new')].toSorted())
  await Promise.all([storeOf(0).remove('old-3', { force: true }), create('newer')])
  await settle()
  deepEqual(
    served(),
    [...before, endpointQueue('new'), endpointQueue('newer')]
      .filter((each) => each !== endpointQueue('old-3'))
      .toSorted(),
  )
  equal(readings(), 1)
  for (let n = 0; n < 100; n++) {
    clock.advance(2_000)
    await settle()
  }
  equal(readings(), 2)
  await close()
})

test('a change by a clock that is far off, hidden behind another, is known within a minute', async () => {
  const { clock, dispatch, create, settle, served, close } = await open()
  await dispatch.start()
  clock.advance(1_000)
  await Promise.all([create('late', -3_600_000), create('one')])
  await settle()
  deepEqual(served(), [endpointQueue('one')])
  for (let n = 0; n < 31; n++) {
    clock.advance(2_000)
    await settle()
  }
  deepEqual(served(), [endpointQueue('late'), endpointQueue('one')])
  await close()
})

test("a paused app's endpoints are let go of, those that change meanwhile too, and taken up again", async () => {
  const { clock, engine, dispatch, storeOf, create, settle, served, close } = await open()
  const id = 'app:acme:hook'
  await create(id, 0, 'acme')
  await create('other')
  await dispatch.start()
  const all = served()
  equal(all.length, 2)
  await engine.commit([{ changes: holdEndpointsOf('acme', true, clock) }])
  await settle()
  clock.advance(250)
  await settle()
  deepEqual(served(), [endpointQueue('other')])
  await storeOf(0).change(id, (endpoint) => ({ endpoint: { ...endpoint, concurrency: 3 } }))
  await settle()
  deepEqual(served(), [endpointQueue('other')])
  await engine.commit([{ changes: holdEndpointsOf('acme', false, clock) }])
  await settle()
  clock.advance(250)
  await settle()
  deepEqual(served(), all)
  await close()
})
