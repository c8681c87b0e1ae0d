import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { stressLifecycle } from './lifecycle-stress.ts'
import { Lifecycle, type LifecycleSteps, type Service, type StopOptions } from './lifecycle.ts'

function service(
  steps: Partial<LifecycleSteps> = {},
): Service & { readonly lifecycle: Lifecycle; readonly calls: string[] } {
  const calls: string[] = []
  const lifecycle = new Lifecycle({
    begin: () => (calls.push('begin'), steps.begin?.()),
    end: (options) => (calls.push('end'), steps.end?.(options)),
    hurry: (options) => steps.hurry?.(options),
  })
  return {
    lifecycle,
    calls,
    start: () => lifecycle.start(),
    stop: (options) => lifecycle.stop(options),
    [Symbol.asyncDispose]: () => lifecycle.stop(),
  }
}

test('every order of starts and stops is legal, and begin and end alternate', async () => {
  let active = 0
  const step = async (change: number) => {
    await Promise.resolve()
    active += change
    equal(active === 0 || active === 1, true)
  }
  const stressed = service({ begin: () => step(1), end: () => step(-1) })
  await stressLifecycle(stressed)
  equal(stressed.lifecycle.state, 'stopped')
  stressed.calls.forEach((call, at) => equal(call, at % 2 === 0 ? 'begin' : 'end'))
})

test('a stop during a stop hurries it, also when both were asked for at once', async () => {
  const graces: StopOptions[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = service({ end: () => promise, hurry: (options) => void graces.push(options) })
  await slow.start()
  const stops = [slow.stop({ grace: '1m' }), slow.stop({ grace: '1s' })]
  for (let turn = 0; turn < 3; turn++) await Promise.resolve()
  stops.push(slow.stop({ grace: 0 }))
  deepEqual(graces, [{ grace: '1s' }, { grace: 0 }])
  resolve()
  await Promise.all(stops)
  equal(slow.calls.filter((call) => call === 'end').length, 1)
})

test('a begin that fails tells who started it, and can be tried again', async () => {
  let works = false
  const shy = service({
    begin: () => {
      if (!works) throw new Error('not yet')
    },
  })
  await rejects(shy.start(), /not yet/)
  await shy.stop()
  works = true
  await shy.start()
  equal(shy.lifecycle.state, 'running')
  await shy.stop()
})
