// What a client was told stands over a restart of the server: its leases and tokens, its idempotency keys, what it started.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startServer, type TestServer } from './server/client.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-http-'))
after(() => rmSync(folder, { recursive: true }))

const start = (name: string): Promise<TestServer> => startServer({ url: `file:${join(folder, name)}` })

async function restart(server: TestServer, name: string): Promise<TestServer> {
  await server[Symbol.asyncDispose]()
  return start(name)
}

test('a client settles after the restart what it leased before it, and learns what it settled before it', async () => {
  let server = await start('lease')
  for (let at = 0; at < 3; at++) await server.call('POST', '/v1/queues/a/messages', { body: { at } })
  const { json } = await server.call('POST', '/v1/queues/a/lease', { body: { max: 2, leaseSeconds: 600 } })
  const [first, second] = json.deliveries.map(({ token }: { token: string }) => token)
  const settle = async (...outcomes: object[]) =>
    (await server.call('POST', '/v1/queues/a/settle', { body: { outcomes } })).json.results.map(
      ({ status }: { status: string }) => status,
    )
  deepEqual(await settle({ token: first, do: 'ack' }), ['ok'])
  server = await restart(server, 'lease')
  deepEqual(await settle({ token: first, do: 'ack' }, { token: second, do: 'ack' }), ['already', 'ok'])
  const depth = (await server.call('GET', '/v1/queues/a')).json
  deepEqual([depth.ready, depth.leased, depth.ended.acked], [1, 0, 2])
  await server[Symbol.asyncDispose]()
})

test('an Idempotency-Key and an Operation-Id are remembered', async () => {
  let server = await start('once')
  const send = () =>
    server.call('POST', '/v1/queues/a/messages', { body: { a: 1 }, headers: { 'idempotency-key': 'k' } })
  const begin = () =>
    server.call('POST', '/v1/tasks/t', {
      body: { a: 1 },
      headers: { 'operation-id': '01890000-0000-7000-8000-000000000001' },
    })
  const [sent, begun] = [await send(), await begin()]
  equal(sent.json.durability, 'disk')
  server = await restart(server, 'once')
  deepEqual([(await send()).text, (await begin()).text], [sent.text, begun.text])
  equal((await server.call('GET', '/v1/queues/a')).json.ready, 1)
  equal((await server.call('GET', '/v1/queues/task:t')).json.ready, 1)
  await server[Symbol.asyncDispose]()
})

test('a redrive goes on', async () => {
  let server = await start('redrive')
  for (let at = 0; at < 5; at++) await server.call('POST', '/v1/queues/a/messages', { body: { at } })
  const { json } = await server.call('POST', '/v1/queues/a/lease', { body: { max: 5 } })
  await server.call('POST', '/v1/queues/a/settle', {
    body: { outcomes: json.deliveries.map(({ token }: { token: string }) => ({ token, do: 'bury' })) },
  })
  const started = await server.call('POST', '/v1/queues/a/redrive', { body: { ratePerSecond: 4 } })
  server = await restart(server, 'redrive')
  const ended = (await server.call('GET', `/v1/operations/${started.json.id}?wait=30`)).json
  equal(ended.status, 'succeeded')
  const depth = (await server.call('GET', '/v1/queues/a')).json
  deepEqual([depth.ready, depth.dead], [5, 0])
  await server[Symbol.asyncDispose]()
})
