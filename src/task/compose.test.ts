import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { ManualClock } from '../core/clock.ts'
import { createIds, timeOfUuid } from '../core/id.ts'
import { fromJsonBytes } from '../core/json.ts'
import type { Schema } from '../core/schema.ts'
import { Composer, type ComposeOptions, type Outgoing } from './compose.ts'
import { queue, task, type Contract } from './contract.ts'
import { definitionOf } from './definition.ts'
import { Registry } from './registry.ts'

const clock = new ManualClock()
const registry = new Registry()
const composer = new Composer({ clock, ids: createIds(clock), source: '/shop', maxBodyBytes: 100, registry })
const compose = (contract: Contract, input: unknown, options?: ComposeOptions) =>
  composer.compose(definitionOf(contract), input, options) as Outgoing

const taken = z.iso.datetime().transform((text) => new Date(text))
const resize = task('resize', {
  input: z.object({ id: z.string(), taken }),
  key: (photo) => photo.id,
  group: () => 'g',
  dedupe: (photo) => String(photo.taken.getTime()),
})

test('the message carries the input as it was given; key, group and dedupe come from its parsed form', () => {
  const { queue: target, message } = compose(resize, { id: '1', taken: '1970-01-01T00:00:01Z', more: true })
  equal(target, 'task:resize')
  deepEqual(fromJsonBytes(message.body), { id: '1', taken: '1970-01-01T00:00:01Z', more: true })
  const { key, group, dedupe, priority, report, event } = message
  deepEqual(
    { key, group, dedupe, priority, report },
    { key: '1', group: 'g', dedupe: '1000', priority: 4, report: 'system:operation' },
  )
  deepEqual(event, {
    id: message.id,
    source: '/shop',
    type: 'posthorn.task.resize',
    time: '2026-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
  })
})

test('a message was made at one time: that of its id', () => {
  let nowMs = Date.UTC(2026, 0, 1)
  const running = Object.assign(new ManualClock(), { wallMs: () => nowMs++ })
  const other = new Composer({ clock: running, ids: createIds(running), source: '/', maxBodyBytes: 100, registry })
  const { message } = other.compose(definitionOf(resize), { id: '1', taken: '1970-01-01T00:00:01Z' }) as Outgoing
  equal(timeOfUuid(message.id), Date.parse(message.event['time'] as string))
})

test('explicit options go before the contract', () => {
  const { message } = compose(
    resize,
    { id: '1', taken: '1970-01-01T00:00:01Z' },
    {
      key: 'k',
      group: 'h',
      dedupe: 'd',
      priority: 9,
      delay: '5m',
      expires: new Date(5),
      subject: 's',
      traceparent: '00-1',
    },
  )
  const { key, group, dedupe, priority, delay, expires, event } = message
  deepEqual(
    { key, group, dedupe, priority, delay, expires },
    {
      key: 'k',
      group: 'h',
      dedupe: 'd',
      priority: 9,
      delay: { afterMs: 300_000 },
      expires: { at: 5 },
    },
  )
  equal(event.subject, 's')
  equal(event['traceparent'], '00-1')
})

test('a queue has no report, a later version and who is told are noted', () => {
  const inbox = queue('inbox', { data: z.string() })
  equal(compose(inbox, 'x').message.report, undefined)
  const told = task('told', { input: z.any(), version: 3 })
  const second = task('second', { version: 2 })
  deepEqual(compose(second, undefined, { onSuccess: told, onFailure: inbox as never }).message.notes, {
    v: '2',
    onSuccess: 'task:told@3',
    onFailure: 'inbox',
  })
  equal(registry.task('told'), definitionOf(told))
  throws(() => compose(inbox, 'x', { onSuccess: told }), {
    code: 'invalid-option',
    message: /a queue has no operations/,
  })
})

test('what a handler sends continues its trace and names its cause', () => {
  const first = compose(
    resize,
    { id: '1', taken: '1970-01-01T00:00:01Z' },
    { traceparent: '00-1', tracestate: 'a=b' },
  ).message
  const second = (composer.compose(definitionOf(task('next')), undefined, undefined, first) as Outgoing).message
  const third = (composer.compose(definitionOf(task('next')), undefined, undefined, second) as Outgoing).message
  deepEqual(
    [
      second.event['causationid'],
      second.event['correlationid'],
      second.event['traceparent'],
      second.event['tracestate'],
    ],
    [first.id, first.id, '00-1', 'a=b'],
  )
  deepEqual([third.event['causationid'], third.event['correlationid']], [second.id, first.id])
})

test('input that does not match, is not JSON or is too large is refused where it is sent', () => {
  throws(() => compose(resize, { id: 1 }), {
    code: 'invalid-input',
    message: /the input of task 'resize' does not match its schema: id: .*; taken: /,
  })
  throws(() => compose(task('any', { input: z.any() }), { n: 1n }), { code: 'invalid-input', message: /is not JSON/ })
  throws(() => compose(task('any', { input: z.any() }), 'x'.repeat(99)), {
    code: 'payload-too-large',
    message: /101 bytes: at most 100/,
  })
  throws(() => compose(task('nothing'), { all: true }), {
    code: 'invalid-input',
    message: /takes no input, and was given an object/,
  })
  throws(
    () =>
      compose(
        task('t', {
          key: () => {
            throw new Error('boom')
          },
        }),
        undefined,
      ),
    { code: 'invalid-input', message: /its key function failed/ },
  )
  throws(() => compose(task('t', { key: () => '' }), undefined), {
    code: 'invalid-input',
    message: /its key function gave "": it must be a text/,
  })
})

test('each wrong option is named with its value', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ dealy: 1 }, /send to task 't': 'dealy' is no option; did you mean 'delay'/],
    [{ priority: 12 }, /priority is 12: it must be a whole number from 0 to 9/],
    [{ key: '' }, /key is ""/],
    [{ id: 'x' }, /id is "x": it must be a UUID/],
    [{ delay: 1, notBefore: new Date(1) }, /notBefore .* left out where there is a delay/],
    [{ notBefore: new Date(Number.NaN) }, /notBefore is null: it must be a valid Date/],
    [{ expires: new Date(-1) }, /expires .* it must be a valid Date/],
    [{ onSuccess: 'told' }, /onSuccess is of type string: it must be made by task\(\) or queue\(\)/],
  ]
  for (const [options, message] of wrong)
    throws(() => compose(task('t'), undefined, options), { code: 'invalid-option', message })
  throws(() => compose(task('t'), undefined, { delay: '5 minutes' } as never), { code: 'invalid-duration' })
})

test('a schema that must be waited for is waited for', async () => {
  const late: Schema<unknown, string> = {
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: async (value) => (value === 'good' ? { value: 'parsed' } : { issues: [{ message: 'bad' }] }),
    },
  }
  const slow = task('slow', { input: late, key: (text) => text })
  const composed = composer.compose(definitionOf(slow), 'good')
  ok(composed instanceof Promise)
  equal((await composed).message.key, 'parsed')
  await rejects(async () => composer.compose(definitionOf(slow), 'evil'), { code: 'invalid-input', message: /bad/ })
})
