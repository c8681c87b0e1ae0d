import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { z } from 'zod'
import { internalsOf, open, type Post, type WorkGiven, type WorkParts } from '../posthorn.ts'
import { silentLog } from '../runtime/log.ts'
import { subscribe, topic } from '../topic/index.ts'
import { CommandError } from './exit.ts'
import { loadModule, withoutHandlers } from './module.ts'

let folder: string
before(() => (folder = mkdtempSync(join(tmpdir(), 'posthorn-module-'))))
after(() => rmSync(folder, { recursive: true }))

const given: WorkGiven = { post: {} as Post, signal: new AbortController().signal }

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text)
  return name
}

test('handlers, and the function form, in TypeScript too', async () => {
  const plain = await loadModule(
    write('plain.ts', `const one: { kind: string } = { kind: 'handler' }\nexport default [one]`),
    folder,
  )
  deepEqual(plain, [{ kind: 'handler' }])
  const made = await loadModule(
    write('made.mjs', `export default async ({ post }) => ({ handlers: [{ kind: 'handler', post }], stop() {} })`),
    folder,
  )
  equal(typeof made, 'function')
  const parts = await (made as (given: WorkGiven) => Promise<WorkParts>)(given)
  equal(parts.handlers.length, 1)
  equal(typeof parts.stop, 'function')
  deepEqual(await loadModule(write('empty.mjs', 'export default []'), folder), [])
})

const wrong: readonly (readonly [text: string, message: RegExp])[] = [
  ['export const handlers = []', /module 'x.mjs' has no default export \(it has 'handlers'\)/],
  ['', /has no default export/],
  ['export default 7', /it exports as default the number 7/],
  [`export default { kind: 'task', name: 'resize' }`, /it exports as default a task 'resize'/],
  [
    `export default [{ kind: 'handler' }, { kind: 'task', name: 'resize' }]`,
    /element 1 .* is a task 'resize', not what handle/,
  ],
  ['export default [() => {}]', /element 0 .* is a function/],
]

test('a module that exports something else is told so', async () => {
  for (const [at, [text, message]] of wrong.entries()) {
    const name = write(`wrong-${at}.mjs`, text)
    await rejects(loadModule(name, folder), (error: CommandError) => {
      match(error.message.replace(name, 'x.mjs'), message)
      equal(error.exit, 'usage')
      match(error.hints.join(), /It must default-export handlers/)
      return true
    })
  }
})

test('a function that returns something else, or fails, is told so', async () => {
  const nothing = (await loadModule(write('nothing.mjs', 'export default () => {}'), folder)) as (
    given: WorkGiven,
  ) => Promise<WorkParts>
  await rejects(nothing(given), /the function it exports returns undefined for handlers/)
  const stop = (await loadModule(
    write('stop.mjs', 'export default () => ({ handlers: [], stop: 1 })'),
    folder,
  )) as typeof nothing
  await rejects(stop(given), /a stop that is the number 1, not a function/)
  const throws = (await loadModule(
    write('throws.mjs', `export default () => { throw new Error('no database') }`),
    folder,
  )) as typeof nothing
  await rejects(throws(given), /failed: no database/)
})

test('a module that is not there, or does not load, is told so', async () => {
  await rejects(loadModule('none.ts', folder), { exit: 'not-found', message: "there is no module 'none.ts'" })
  await rejects(
    loadModule(write('broken.mjs', `throw new Error('at the top')`), folder),
    /cannot be loaded: at the top/,
  )
  await rejects(loadModule(write('enum.ts', 'enum A { B }\nexport default []'), folder), (error: CommandError) => {
    match(error.hints.join(), /no enums/)
    return true
  })
})

test('without its handlers a module still says which subscriptions there are, and what their topics take', async () => {
  await using post = await open('memory:', { log: silentLog })
  const orders = topic('orders', { 'order.paid': z.object({ n: z.number() }) })
  await post.work(withoutHandlers([subscribe(orders, 'billing', '**', () => {})], post))
  equal((await post.topic('orders').subscription('billing'))?.status, 'live')
  equal(internalsOf(post).registry.topic('orders')?.events.size, 1)
})
