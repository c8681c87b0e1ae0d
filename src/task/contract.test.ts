import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { queue, task } from './contract.ts'
import { definitionOf } from './definition.ts'
import { handle } from './handle.ts'

const unchecked = (options: Record<string, unknown>): never => options as never

test('a contract shows its kind and name and nothing else, and cannot be changed', () => {
  const resize = task('resize', { input: z.string(), retry: { attempts: 8 } })
  deepEqual({ ...resize }, { kind: 'task', name: 'resize' })
  ok(Object.isFrozen(resize))
  equal(definitionOf(resize).queue, 'task:resize')
  equal(definitionOf(resize).eventType, 'posthorn.task.resize')
  equal(definitionOf(queue('inbox', { data: z.string() })).queue, 'inbox')
})

test('what is left open has the documented defaults', () => {
  const { version, retry, timeoutMs, settings } = definitionOf(task('nightly'))
  deepEqual({ version, timeoutMs, settings }, { version: 1, timeoutMs: null, settings: null })
  deepEqual(retry, {
    attempts: 5,
    backoff: { kind: 'exponential', baseMs: 1_000, capMs: 3_600_000, factor: 2, jitter: 'full' },
  })
})

test('queue settings are resolved to what the engine stores, and only what was given', () => {
  const { settings } = definitionOf(
    task('t', {
      queue: {
        aging: '1m',
        limit: { messages: 5 },
        dedupeWindow: '1h',
        keep: { dead: '30d', acked: true },
        idleExpiry: null,
      },
    }),
  )
  deepEqual(settings, {
    pick: { by: 'priority', agingMs: 60_000 },
    limit: { messages: 5 },
    dedupeWindowMs: 3_600_000,
    keep: { acked: true, deadMs: 30 * 86_400_000 },
    idleExpiryMs: null,
  })
})

test('every wrong option is named with its value and what would be right', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ retrys: 3 }, /'retrys' is no option; did you mean 'retry'\? There are: input, /],
    [{ input: { id: 'string' } }, /input is \{"id":"string"\}: it must be a Standard Schema/],
    [{ output: 'string' }, /output is "string"/],
    [{ version: 0 }, /version is 0: it must be a whole number of at least 1/],
    [{ version: 2, upcast: { 2: () => 1 } }, /upcast is "2": it must be versions from 1 to 1/],
    [{ version: 2, upcast: { 1: 'x' } }, /upcast.1 is "x"/],
    [{ retry: 3 }, /retry is 3/],
    [{ retry: { attempts: 0 } }, /retry.attempts is 0/],
    [{ retry: { attempt: 1 } }, /'attempt' is no option; did you mean 'attempts'/],
    [{ retry: { backoff: { kind: 'linear' } } }, /retry.backoff.kind is "linear": it must be 'exponential' or 'fixed'/],
    [{ retry: { backoff: { jitter: 'some' } } }, /retry.backoff.jitter is "some"/],
    [{ retry: { backoff: { factor: 0.5 } } }, /retry.backoff.factor is 0.5/],
    [{ retry: { backoff: { base: '1h', cap: '1s' } } }, /retry.backoff.cap is "1s": it must be at least the base, 1h/],
    [{ retry: { decide: 'bury' } }, /retry.decide is "bury"/],
    [{ timeout: 0 }, /timeout is 0/],
    [{ key: 'owner' }, /key is "owner": it must be a function/],
    [{ errors: { 'too big': z.string() } }, /errors is "too big"/],
    [{ errors: { full: z.string() } }, /errors is "full": .*one of Posthorn's/],
    [{ errors: { too_big: 7 } }, /errors.too_big is 7/],
    [{ queue: { pick: 'lifo' } }, /pick is "lifo"/],
    [{ queue: { pick: 'fifo', aging: '1m' } }, /aging is "1m"/],
    [{ queue: { limit: { messages: -1 } } }, /limit.messages is -1/],
    [{ queue: { limit: { message: 1 } } }, /'message' is no option; did you mean 'messages'/],
    [{ queue: { keep: { deadCount: 1.5 } } }, /keep.deadCount is 1.5/],
  ]
  for (const [options, message] of wrong)
    throws(() => task('resize', unchecked(options)), { code: 'invalid-option', message }, JSON.stringify(options))
  for (const [options] of wrong) throws(() => task('resize', unchecked(options)), /^PosthornError: task 'resize': /)
})

test('durations and names have errors of their own', () => {
  throws(() => task('resize', unchecked({ timeout: '30' })), {
    code: 'duration-without-unit',
    message: /task 'resize': timeout is '30'/,
  })
  throws(() => task('resize', unchecked({ queue: { aging: 'soon' } })), {
    code: 'invalid-duration',
    message: /queue.aging is 'soon'/,
  })
  for (const name of ['', 'a b', 'task:x', '-a', 'x'.repeat(101)])
    throws(() => task(name), { code: 'invalid-name', message: /the name of the task is/ })
  throws(() => queue('a/b', { data: z.string() }), { code: 'invalid-name' })
  throws(() => queue('inbox', unchecked({})), { code: 'invalid-option', message: /data is undefined/ })
})

test('a handler is checked where it is declared', () => {
  const nightly = task('nightly')
  deepEqual({ ...handle(nightly, () => {}) }, { kind: 'handler', queue: 'task:nightly' })
  throws(() => handle('nightly' as never, () => {}), {
    code: 'invalid-option',
    message: /the first argument of handle\(\) is of type string: it must be made by task\(\) or queue\(\)/,
  })
  throws(() => handle(nightly, unchecked({})), { code: 'invalid-option', message: /the handler is \{\}/ })
  throws(() => handle(nightly, () => {}, { concurrency: 0 }), { code: 'invalid-option', message: /concurrency is 0/ })
  throws(() => handle(nightly, () => {}, { lease: '1ms' }), { code: 'invalid-option', message: /lease is "1ms"/ })
  throws(() => handle(nightly, () => {}, unchecked({ concurency: 2 })), {
    code: 'invalid-option',
    message: /did you mean 'concurrency'/,
  })
})
