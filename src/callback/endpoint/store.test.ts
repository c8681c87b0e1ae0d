import { equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { createIds, systemRandom } from '../../core/id.ts'
import { createMemoryEngine } from '../../engine/memory/engine.ts'
import { DEFAULT_ENDPOINT } from './settings.ts'
import { EndpointStore } from './store.ts'

test('a removal without a version holds where whoever delivers writes at the same time; one with a version is refused', async () => {
  const clock = new ManualClock()
  const ids = createIds(clock)
  const engine = createMemoryEngine({ clock, ids })
  const deps = { clock, ids, random: systemRandom, masterKeys: [] }
  const others = new EndpointStore({ ...deps, engine })
  let between = false
  const store = new EndpointStore({
    ...deps,
    engine: new Proxy(engine, {
      get(target, name) {
        if (name === 'commit' && between) {
          between = false
          return async (...args: Parameters<typeof engine.commit>) => {
            await others.change('hook', (endpoint) => ({ endpoint: { ...endpoint, failingSince: clock.wallMs() } }))
            return engine.commit(...args)
          }
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    }),
  })
  const settings = { ...DEFAULT_ENDPOINT, url: 'https://a.example/' }
  const { version } = await store.create('hook', settings, { secrets: [], headers: {} })
  between = true
  await rejects(store.remove('hook', { ifVersion: version }), { code: 'conflict' })
  between = true
  await store.remove('hook')
  equal(between, false)
  equal(await store.get('hook'), null)
})
