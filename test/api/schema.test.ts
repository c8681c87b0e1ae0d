// The wire rule: what travels is a schema's input form, what handlers and callers get is its output form. And versions.

import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { type } from 'arktype'
import { handle, queue, task, type Schema, type Task } from 'posthorn'
import { testPost } from 'posthorn/testing'
import * as v from 'valibot'
import { z } from 'zod'
import { internalsOf } from '../../src/posthorn.ts'

type Echo = Task<{ at: string }, { size: number }, {}, { at: Date }, { size: string }>

const libraries: Record<string, Echo> = {
  zod: task('echo', {
    input: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
    output: z.object({ size: z.string().transform(Number) }),
  }),
  valibot: task('echo', {
    input: v.object({
      at: v.pipe(
        v.string(),
        v.transform((text) => new Date(text)),
      ),
    }),
    output: v.object({ size: v.pipe(v.string(), v.transform(Number)) }),
  }),
  arktype: task('echo', {
    input: type({ at: 'string.date.iso.parse' }),
    output: type({ size: 'string.numeric.parse' }),
  }),
}

for (const [library, echo] of Object.entries(libraries)) {
  test(`${library}: the input travels as given and is parsed for the handler; so is the output for the caller`, async () => {
    const seen: unknown[] = []
    await using t = await testPost([handle(echo, ({ at }) => (seen.push(at), { size: '7' }))])
    const operation = await t.post.send(echo, { at: '2026-01-01T00:00:00.000Z' })
    deepEqual(
      t.sent(echo).map(({ input }) => input),
      [{ at: '2026-01-01T00:00:00.000Z' }],
    )
    deepEqual(await operation.result(), { size: 7 })
    deepEqual(seen, [new Date('2026-01-01T00:00:00Z')])
    deepEqual(await operation.ended(), { status: 'succeeded', output: { size: 7 } })
    await rejects(t.post.send(echo, { at: 7 as never }), {
      code: 'invalid-input',
      message: /the input of task 'echo' does not match its schema: at: /,
    })
    equal(t.sent(echo).length, 1)
  })
}

const late = <T>(check: (value: unknown) => T | undefined): Schema<T, T> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      const checked = check(value)
      return checked === undefined ? { issues: [{ message: 'refused' }] } : { value: checked }
    },
  },
})

test('a schema that must be waited for works everywhere', async () => {
  const text = late((value) => (typeof value === 'string' ? value : undefined))
  const slow = task('slow', { input: text, output: text, errors: { bad: text } })
  const told = task('told', { input: late((value) => value as { id: string; output: string }) })
  await using t = await testPost([
    handle(
      slow,
      (given, ctx) => (
        ctx.send(told, { id: 'x', output: given }),
        given === 'bad'
          ? ctx.fail('bad', 'very')
          : given === 'worse'
            ? ctx.fail('bad', 7 as never)
            : given === 'wrong'
              ? (7 as never)
              : given
      ),
    ),
  ])
  equal(await (await t.post.send(slow, 'x')).result(), 'x')
  deepEqual(
    t.sent(told).map(({ input }) => input.output),
    ['x'],
  )
  await rejects(t.post.send(slow, 7 as never), { code: 'invalid-input' })
  const end = async (given: string) => {
    const ended = await (await t.post.send(slow, given)).ended()
    return ended.status === 'failed' ? ended.error.code : ended.status
  }
  deepEqual([await end('bad'), await end('worse'), await end('wrong')], ['bad', 'invalid-output', 'invalid-output'])
})

test('an effect that a late schema refuses fails the run', async () => {
  const refusing: Schema<string, string> = {
    '~standard': { version: 1, vendor: 'test', validate: async () => ({ issues: [{ message: 'refused' }] }) },
  }
  const child = task('child', { input: refusing })
  const parent = task('parent', { retry: { attempts: 1 } })
  await using t = await testPost([handle(parent, (_, ctx) => (ctx.put('k', 1), void ctx.send(child, 'x')))])
  const ended = await (await t.post.send(parent)).ended()
  ok(ended.status === 'failed')
  match(ended.error.message, /the input of task 'child' does not match its schema: refused/)
  equal(await t.post.records.get('k'), undefined)
})

test('older versions are lifted step by step, newer and unliftable ones are given back uncounted', async () => {
  const first = task('resize', { input: z.object({ owner: z.string() }) })
  const third = task('resize', {
    input: z.object({ owners: z.array(z.string()), size: z.number() }),
    version: 3,
    upcast: {
      1: (old: { owner: string }) => ({ owners: [old.owner] }),
      2: (old: { owners: string[] }) => ({ ...old, size: 1 }),
    },
  })
  const fourth = task('resize', { input: z.any(), version: 4 })
  const seen: unknown[] = []
  await using t = await testPost([handle(third, (input) => void seen.push(input))])
  await t.post.send(first, { owner: 'me' })
  const newer = await t.post.send(fourth, {})
  await t.post.send(third, { owners: [], size: 2 })
  await t.drain()
  deepEqual(seen, [
    { owners: ['me'], size: 1 },
    { owners: [], size: 2 },
  ])
  const stored = (await t.post.queue(third).find(newer.id))!
  deepEqual([stored.state, stored.failed, stored.released], ['delayed', 0, 1])
})

test('a version that nobody knows for 15 minutes is a dead letter', async () => {
  await using t = await testPost([handle(task('t'), () => {})])
  const operation = await t.post.send(task('t', { version: 2 }))
  for (let minute = 0; minute < 20; minute++) {
    await t.drain()
    t.clock.advance('1m')
  }
  const ended = await operation.ended()
  ok(ended.status === 'failed' && ended.error.code === 'unknown-contract')
})

test('an upcast that fails, and a body that is not JSON, are invalid input', async () => {
  const second = task('t', {
    input: z.string(),
    version: 2,
    upcast: {
      1: () => {
        throw new Error('too old')
      },
    },
  })
  await using t = await testPost([handle(second, () => {})])
  const old = await t.post.send(task('t', { input: z.any() }), {})
  const { engine, ids } = internalsOf(t.post)
  const id = ids.uuid()
  await engine.commit([
    {
      changes: [
        {
          do: 'send',
          queue: 'task:t',
          message: {
            id,
            event: { id, source: 's', type: 'posthorn.task.t' },
            body: Buffer.from('{'),
            priority: 4,
            notes: { v: '2' },
          },
        },
      ],
    },
  ])
  await t.drain()
  const reasons = await Promise.all(
    [old.id, id].map(async (each) => (await t.post.queue(second).find(each))!.failures[0]!.message),
  )
  match(reasons[0]!, /the upcast from version 1 failed: too old/)
  match(reasons[1]!, /the body is not JSON/)
})

test('a queue takes events of any type; text and bytes come as they are', async () => {
  const inbox = queue('inbox', {
    data: z.union([z.string(), z.instanceof(Uint8Array<ArrayBuffer>), z.object({ a: z.number() })]) as Schema<string>,
  })
  const seen: unknown[] = []
  await using t = await testPost([handle(inbox, (body) => void seen.push(body))])
  const { engine, ids } = internalsOf(t.post)
  for (const [datacontenttype, body] of [
    ['text/plain; charset=utf-8', 'hö'],
    ['application/octet-stream', 'b'],
    ['application/vnd.x+json', '{"a":1}'],
    [undefined, '{"a":2}'],
  ] as const) {
    const id = ids.uuid()
    await engine.commit([
      {
        changes: [
          {
            do: 'send',
            queue: 'inbox',
            message: {
              id,
              event: {
                id,
                source: 's',
                type: 'com.example.any',
                ...(datacontenttype === undefined ? {} : { datacontenttype }),
              },
              body: new Uint8Array(Buffer.from(body)),
              priority: 4,
            },
          },
        ],
      },
    ])
  }
  await t.drain()
  deepEqual(seen, ['hö', new Uint8Array(Buffer.from('b')), { a: 1 }, { a: 2 }])
})
