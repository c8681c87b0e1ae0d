import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startServer, until, type Reply, type TestServer } from './server/client.ts'

describe('queues', () => {
  let server: TestServer
  let queue = 0
  before(async () => (server = await startServer()))
  after(() => server[Symbol.asyncDispose]())

  const next = () => `q${++queue}`
  const put = (name: string, body: unknown, headers: Record<string, string> = {}) =>
    server.call('PUT', `/v1/queues/${name}`, { body, headers })
  const patch = (name: string, body: unknown, headers: Record<string, string> = {}) =>
    server.call('PATCH', `/v1/queues/${name}`, { body, headers })
  const get = (name: string) => server.call('GET', `/v1/queues/${name}`)
  const send = async (name: string, count: number, headers: Record<string, string> = {}) => {
    for (let at = 0; at < count; at++)
      await server.call('POST', `/v1/queues/${name}/messages`, { body: { at }, headers })
  }
  const bury = async (name: string, count: number) => {
    const { json } = await server.call('POST', `/v1/queues/${name}/lease`, { body: { max: count } })
    await server.call('POST', `/v1/queues/${name}/settle`, {
      body: { outcomes: json.deliveries.map(({ token }: { token: string }) => ({ token, do: 'bury', reason: 'x' })) },
    })
  }
  const ended = async (started: Reply) =>
    (await server.call('GET', `${started.headers.get('operation-location')}?wait=20`)).json

  test('settings are made, read, replaced and patched; versions guard them', async () => {
    const name = next()
    equal((await get(name)).json.code, 'queue-not-found')
    const made = await put(
      name,
      { limit: { messages: 5 }, keep: { dead: '7d' }, pick: 'fifo' },
      { 'if-none-match': '*' },
    )
    equal(made.status, 201)
    const etag = made.headers.get('etag')!
    match(etag, /^".+"$/)
    equal((await put(name, {}, { 'if-none-match': '*' })).json.code, 'precondition-failed')
    const read = await get(name)
    equal(read.headers.get('etag'), etag)
    deepEqual(
      [read.json.limit, read.json.keep.dead, read.json.pick, read.json.dedupeWindow],
      [{ messages: 5, bytes: null }, '7d', 'fifo', '1d'],
    )

    const patched = await patch(
      name,
      { paused: true, limit: { bytes: 1_000 }, retry: { attempts: 9 } },
      { 'if-match': etag, 'content-type': 'application/merge-patch+json' },
    )
    deepEqual(
      [patched.json.paused, patched.json.limit, patched.json.pick, patched.json.retry.attempts],
      [true, { messages: 5, bytes: 1_000 }, 'fifo', 9],
    )
    const late = await patch(name, { paused: false }, { 'if-match': etag })
    deepEqual([late.status, late.json.code], [412, 'precondition-failed'])
    deepEqual((await patch(name, { limit: { messages: null }, pick: null })).json.limit.messages, null)
    equal((await get(name)).json.pick, 'priority')

    const replaced = await put(name, {})
    deepEqual(
      [replaced.status, replaced.json.paused, replaced.json.limit.messages, replaced.json.retry.attempts],
      [200, false, 1_000_000, 5],
    )
  })

  test('what was read can be changed and written back', async () => {
    const name = next()
    const made = await put(name, { aging: '5m' })
    const back = await put(name, { ...made.json, paused: true }, { 'if-match': made.headers.get('etag')! })
    deepEqual([back.status, back.json.aging, back.json.paused], [200, '5m', true])
  })

  test('settings that cannot be are refused with the field', async () => {
    const name = next()
    const wrong: readonly [unknown, string, RegExp][] = [
      [{ pik: 'fifo' }, 'invalid', /pik/],
      [{ pick: 'lifo' }, 'invalid', /pick/],
      [{ pick: 'deadline' }, 'unsupported', /deadline/],
      [{ dedupeWindow: 5 }, 'duration-without-unit', /dedupeWindow/],
      [{ dedupeWindow: '5' }, 'duration-without-unit', /dedupeWindow/],
      [{ keep: { dead: 'long' } }, 'invalid-duration', /keep.dead/],
      [{ limit: { messages: -1 } }, 'invalid', /limit.messages/],
      [{ limit: { message: 1 } }, 'invalid', /limit.message/],
      [{ limit: [] }, 'invalid', /limit/],
      [{ paused: 'yes' }, 'invalid', /paused/],
      [{ retry: { backoff: { base: '1h', cap: '1m' } } }, 'invalid', /cap/],
      [{ pick: 'whsec_********' }, 'masked-value', /pick/],
      [[], 'invalid', /JSON object/],
    ]
    for (const [body, code, detail] of wrong) {
      const { json } = await put(name, body)
      equal(json.code, code, JSON.stringify(body))
      match(json.detail, detail)
    }
    equal((await get(name)).status, 404)
    equal((await put('system:operation', {})).json.code, 'forbidden-queue')
    equal((await patch(next(), {})).json.code, 'queue-not-found')
  })

  test('queues are listed by name, page by page', async () => {
    for (const name of ['z-c', 'z-a', 'z-b']) await put(name, {})
    const names: string[] = []
    for (let after = 'z-'; after !== null;) {
      const { json } = await server.call('GET', `/v1/queues?limit=1&after=${after}`)
      names.push(...json.items.map(({ queue }: { queue: string }) => queue))
      after = json.next
    }
    deepEqual(names, ['z-a', 'z-b', 'z-c'])
  })

  test('a paused queue takes messages and hands none out', async () => {
    const name = next()
    await send(name, 1)
    equal((await server.call('POST', `/v1/queues/${name}/pause`)).json.paused, true)
    await send(name, 1)
    deepEqual((await server.call('POST', `/v1/queues/${name}/lease`, { body: {} })).json.deliveries, [])
    equal((await server.call('POST', `/v1/queues/${name}/resume`)).json.paused, false)
    equal((await server.call('POST', `/v1/queues/${name}/lease`, { body: {} })).json.deliveries.length, 2)
    equal((await server.call('POST', `/v1/queues/${next()}/pause`)).json.code, 'queue-not-found')
  })

  test('a full queue says so with 429, when to come back, and its limit', async () => {
    const name = next()
    await put(name, { limit: { messages: 1 } })
    await send(name, 1)
    const full = await server.call('POST', `/v1/queues/${name}/messages`, { body: {} })
    deepEqual([full.status, full.json.code], [429, 'full'])
    match(full.headers.get('retry-after')!, /^\d+$/)
    equal(full.headers.get('ratelimit-policy'), '"queue";q=1;qu="concurrent-requests"')
    match(full.headers.get('ratelimit')!, /^"queue";r=0;t=\d+$/)
    await put(name, { limit: { messages: null, bytes: 3 } })
    const large = await server.call('POST', `/v1/queues/${name}/messages`, { body: {} })
    deepEqual([large.status, large.headers.get('ratelimit-policy')], [429, '"bytes";q=3;qu="content-bytes"'])
    match(large.headers.get('ratelimit')!, /^"bytes";r=\d;t=\d+$/)
  })

  test('redrive is an operation: dead letters become ready with fresh counts', async () => {
    const name = next()
    await send(name, 3, { 'posthorn-group': 'a' })
    await send(name, 2, { 'posthorn-group': 'b' })
    await bury(name, 5)
    const redrive = (body: unknown) => server.call('POST', `/v1/queues/${name}/redrive`, { body })
    const dry = await redrive({ match: { group: 'a', error: 'buried' }, dryRun: true })
    deepEqual([dry.status, dry.json], [200, { matched: 3 }])
    const started = await redrive({ match: { group: 'a' }, max: 2 })
    equal(started.status, 202)
    equal(started.headers.get('location'), `/v1/operations/${started.json.id}`)
    deepEqual((await ended(started)).output, { matched: 2, moved: 2 })
    const { json } = await get(name)
    deepEqual([json.dead, json.ready], [3, 2])
    for (const body of [
      { match: { grp: 'a' } },
      { max: 0 },
      { dryRun: 'yes' },
      { ratePerSecond: 0 },
      { match: { before: 'now' } },
      { queue: 'other' },
    ])
      equal((await redrive(body)).json.code, 'invalid', JSON.stringify(body))
    equal((await server.call('POST', `/v1/queues/${next()}/redrive`, { body: {} })).json.code, 'queue-not-found')
    equal((await server.call('POST', '/v1/queues/system:operation/redrive', { body: {} })).status, 403)
  })

  test('a slow redrive has progress and can be cancelled', async () => {
    const name = next()
    await send(name, 6)
    await bury(name, 6)
    const started = await server.call('POST', `/v1/queues/${name}/redrive`, { body: { ratePerSecond: 1 } })
    const self = started.json.links.self
    await until(async () => (await server.call('GET', self)).json.progress !== undefined, 'progress')
    equal((await server.call('POST', started.json.links.cancel)).status, 202)
    const operation = (await server.call('GET', `${self}?wait=20`)).json
    equal(operation.status, 'cancelled')
    const { dead, ready } = (await get(name)).json
    ok(dead > 0 && ready > 0 && dead + ready === 6, `${dead} dead, ${ready} ready`)
  })

  test('purge discards what waits, or one state', async () => {
    const name = next()
    await send(name, 4)
    await send(name, 2, { 'posthorn-delay': '1h' })
    await bury(name, 1)
    deepEqual(
      (await ended(await server.call('POST', `/v1/queues/${name}/purge`, { body: { state: 'delayed' } }))).output,
      { matched: 2, moved: 2 },
    )
    deepEqual(
      (await ended(await server.call('POST', `/v1/queues/${name}/purge`, { body: { state: 'waiting' } }))).output,
      { matched: 3, moved: 3 },
    )
    const { json } = await get(name)
    deepEqual([json.dead, json.ready, json.ended.discarded], [1, 0, 5])
    for (const body of [{}, { state: 'leased' }, { state: 'dead', force: true }])
      equal((await server.call('POST', `/v1/queues/${name}/purge`, { body })).json.code, 'invalid')
  })
})
