// Following what happens to messages over HTTP: by long poll, in order, with a place to go on from.

import { deepEqual, equal, match } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ManualClock } from '../../src/core/clock.ts'
import { startServer, until, type TestServer } from './server/client.ts'

describe('the trail', () => {
  let server: TestServer
  let clock: ManualClock
  before(async () => {
    clock = new ManualClock(Date.now())
    server = await startServer({ open: { clock } })
  })
  after(() => server[Symbol.asyncDispose]())

  const look = async (query: string) => (await server.call('GET', `/v1/trail?${query}`)).json
  const send = (queue: string, body: unknown = {}) => server.call('POST', `/v1/queues/${queue}/messages`, { body })
  const waiting = () =>
    until(
      async () => /^posthorn_http_in_flight 2$/m.test((await server.call('GET', '/metrics')).text),
      'the poll to be under way',
    )
  const told = ({ items }: { items: { what: string; queue: string; reason: string | null }[] }): string[] =>
    items.map(({ what, queue, reason }) => `${queue} ${what}${reason === null ? '' : ` ${reason}`}`)

  test('a poll waits for what happens, and goes on from where it was', async () => {
    const { items, next, missed } = await look('')
    deepEqual([items, missed], [[], 0])
    const poll = look(`after=${next}&wait=30`)
    await waiting()
    await send('a')
    const first = await poll
    deepEqual(told(first), ['a sent'])
    match(first.items[0].at, /^\d{4}-.*Z$/)
    const { json } = await server.call('POST', '/v1/queues/a/lease', { body: {} })
    const { token } = json.deliveries[0]
    await server.call('POST', '/v1/queues/a/settle', { body: { outcomes: [{ token, do: 'bury' }] } })
    await send('b')
    const second = await look(`after=${first.next}`)
    deepEqual(told(second), ['a failed buried', 'a dead buried', 'b sent'])
    deepEqual(told(await look(`after=${first.next}&queue=b`)), ['b sent'])
    const page = await look(`after=${first.next}&limit=2`)
    deepEqual(told(page), ['a failed buried', 'a dead buried'])
    deepEqual(told(await look(`after=${page.next}`)), ['b sent'])
  })

  test('a poll without anything ends with its time; a place that nobody knows is told', async () => {
    const { next } = await look('')
    const poll = look(`after=${next}&wait=999&queue=none`)
    await waiting()
    await send('a')
    clock.advance(30_000)
    deepEqual((await poll).items, [])
    equal((await look('after=x.1')).missed, null)
    equal((await server.call('GET', '/v1/trail?queue=a%20b')).status, 400)
    equal((await server.call('GET', '/v1/trail?limit=0')).status, 400)
  })

  test('where nobody has asked for a minute nothing is kept, and who comes back is told', async () => {
    const { next } = await look('')
    clock.advance(60_000)
    await send('a')
    const { items, missed } = await look(`after=${next}`)
    deepEqual([items, missed], [[], null])
  })

  test('who asks too seldom is told how much he missed', async () => {
    const { next } = await look('')
    const event = { specversion: '1.0', id: 'x', source: '/t', type: 't' }
    const headers = { 'content-type': 'application/cloudevents-batch+json' }
    for (let batch = 0; batch < 21; batch++)
      await server.call('POST', '/v1/queues/many/messages', {
        body: JSON.stringify(Array.from({ length: 1_000 }, () => event)),
        headers,
      })
    const { items, missed } = await look(`after=${next}`)
    equal(items.length, 1_000)
    equal(missed! > 10_000 && missed! < 21_000, true, `${missed}`)
  })
})
