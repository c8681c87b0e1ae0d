// A server whose disk has too little room: it takes nothing new, and everything that it has can be settled and thrown away.

import { equal, match, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createLog, open } from 'posthorn'
import { startServer } from './server/client.ts'

const folder = mkdtempSync(join(tmpdir(), 'posthorn-full-'))
after(() => rmSync(folder, { recursive: true }))
const url = `file:${folder}`
/** More than any disk has. */
const limits = { minFreeBytes: 2 ** 52 }

test('sends are 507 with Retry-After; leases, settles, redrives and purges go on; metrics tell of it', async () => {
  {
    await using server = await startServer({ url })
    for (let at = 0; at < 6; at++)
      equal((await server.call('POST', '/v1/queues/a/messages', { body: { at } })).status, 202)
  }
  const warned: string[] = []
  const log = createLog((level, message) => void (level === 'warn' && warned.push(message)))
  await using server = await startServer({ url, open: { limits, log } })
  for (const path of ['/v1/queues/a/messages', '/v1/queues/new/messages', '/v1/tasks/t']) {
    const refused = await server.call('POST', path, { body: { at: 9 } })
    equal(refused.status, 507, path)
    equal(refused.json.code, 'disk-full')
    match(refused.json.detail, /bytes left: new messages are taken again when there are 4503599627370496/)
    equal(refused.headers.get('retry-after'), '5')
  }
  equal(warned.length, 1, 'told once, not for each')
  match(warned[0]!, /^new messages are refused: the disk of /)
  const { json } = await server.call('POST', '/v1/queues/a/lease', { body: { max: 4 } })
  const outcomes = json.deliveries.map(({ token }: { token: string }, at: number) => ({
    token,
    do: at < 2 ? 'ack' : 'bury',
  }))
  const settled = await server.call('POST', '/v1/queues/a/settle', { body: { outcomes } })
  equal(
    settled.json.results.every(({ status }: { status: string }) => status === 'ok'),
    true,
  )
  for (const [what, body] of [
    ['redrive', {}],
    ['purge', { state: 'waiting' }],
  ] as const) {
    const started = await server.call('POST', `/v1/queues/a/${what}`, { body })
    equal(started.status, 202, what)
    const ended = await server.call('GET', `/v1/operations/${started.json.id}?wait=20`)
    equal(ended.json.status, 'succeeded', what)
    equal(ended.json.output.moved, what === 'redrive' ? 2 : 4)
  }
  match((await server.call('GET', '/metrics')).text, /^posthorn_disk_refusing 1$/m)
  equal((await server.call('GET', '/readyz')).status, 200)
})

test('the limit is for engines with a disk, and a whole number', async () => {
  await rejects(open('memory:', { limits: { minFreeBytes: 1 } }), { code: 'unsupported' })
  await rejects(open(url, { limits: { minFreeBytes: -1 } }), { code: 'invalid-option', message: /at least 0/ })
})
