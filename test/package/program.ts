// What a user's first program looks like; test/package.test.ts compiles it against the packed package, and runs it.

import { rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import * as conformance from 'posthorn/conformance'
import { forward, mapped, on, source as declare, tcpServer, webSocketServer } from 'posthorn/event'
import * as postgres from 'posthorn/postgres'
import * as server from 'posthorn/server'
import { fromSqlite } from 'posthorn/sqlite'
import { testPost } from 'posthorn/testing'
import { createReceiver, generateSecret, sign, standardWebhooks, type Verified } from 'posthorn/webhooks'
import { handle, isPosthornError, open, queue, task, topic, type Handler, type Operation } from 'posthorn'
import { z } from 'zod'

export const resize = task('resize', {
  input: z.object({ id: z.string(), taken: z.iso.datetime().transform((text) => new Date(text)) }),
  output: z.object({ url: z.string() }),
  errors: { too_big: z.object({ limit: z.number() }) },
  key: (photo) => photo.id,
})
export const inbox = queue('inbox', { data: z.object({ raw: z.string() }) })

export const handlers: readonly Handler[] = [
  handle(resize, async (photo, ctx) => {
    if (photo.taken.getTime() === 0) return ctx.fail('too_big', { limit: 1 })
    ctx.send(inbox, { raw: photo.id })
    return { url: photo.id }
  }),
]

const photo = { id: 'p1', taken: '2026-01-01T00:00:00Z' }
await using post = await open('memory:')
await post.work(handlers)
const operation: Operation<{ url: string }, { too_big: { limit: number } }> = await post.send(resize, photo)
const { url } = await operation.result({ timeout: '10s' })
const tooBig = await post.send(resize, { ...photo, taken: '1970-01-01T00:00:00Z' })
const failed = await tooBig
  .result()
  .catch((error: unknown) => isPosthornError(error) && error.code === 'operation-failed')

await using t = await testPost(handlers)
await t.post.send(resize, photo)
await t.drain()
const told = t.sent(inbox)[0]?.input.raw === 'p1'

// A row of one's own and a message, in one transaction of the engine's file.
rmSync('own.db', { force: true })
await using own = await open('sqlite:own.db')
const source = fromSqlite(new DatabaseSync('own.db'))
await source.transaction(async (tx) => {
  tx.exec('create table mine (n int); insert into mine values (1)')
  await own.send(inbox, { raw: 'joined' }, { within: tx })
})
const joined = (await own.queue(inbox).depth())?.ready === 1

// Events from code, listened to in the process and made durable; connections are declared, and nobody calls.
const desk = declare('desk', { 'photo.taken': z.object({ id: z.string() }) })
const photos = topic('photos', { 'photo.seen': z.object({ id: z.string() }) }, { retain: { count: 10 } })
export const connections = [tcpServer('lines', { port: 0 }), webSocketServer('chat', { port: 0 })]
const heard: string[] = []
await using listening = await on(desk, ({ data }) => heard.push(data.id))
await post.work([
  forward(
    mapped(desk, ({ data }) => ({ type: 'photo.seen', data })),
    photos,
  ),
])
await desk.emit('photo.taken', { id: 'p1' })
await listening.stop()
const kept = (await post.topic(photos).read()).items.length === 1 && heard.length === 1

const secrets = generateSecret()
const received: Verified[] = []
const receiver = createReceiver({ profile: standardWebhooks, secrets, onEvent: (event) => void received.push(event) })
const signed = await sign({ id: 'msg_1', body: '{}' }, { profile: standardWebhooks, secrets })
await receiver(new Request('http://localhost/', { method: 'POST', headers: signed.headers, body: signed.body }))
const called = received[0]?.id === 'msg_1'

console.log(
  url,
  failed === true &&
    told &&
    called &&
    joined &&
    kept &&
    [conformance, postgres, server].every((module) => Object.keys(module).length > 0),
)
