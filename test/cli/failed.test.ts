// The disk fails under a server: it ends, with a code of its own, so that who supervises it starts it anew.

import { equal, match, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { createPost } from '../../src/posthorn.ts'
import { FaultDisk } from '../../src/engine/file/disk/fault-disk.ts'
import { openFileEngine } from '../../src/engine/file/engine.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { handler } from '../../src/server/index.ts'
import { newFolder, run, runOn } from './command.ts'

const MIB = 1_048_576

test('a write fails: serve ends with 7, and what was confirmed is there when it is started again', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const server = runOn(['serve', '--engine', engine, '--port', '0'], { mostFileKib: 1_500 })
  const { url } = await server.event('listening')
  let confirmed = 0
  for (let status = 202; status === 202; confirmed += status === 202 ? 1 : 0) {
    const headers = { 'content-type': 'application/octet-stream' }
    const body = new Uint8Array(MIB / 2)
    status = (await fetch(`${String(url)}/v1/queues/a/messages`, { method: 'POST', headers, body })).status
  }
  match(String((await server.event('failed'))['detail']), /cannot be written/)
  equal(await server.ended, 7)
  const problem = JSON.parse(server.errors.at(-1)!)
  equal(problem.code, 'engine-failed')
  match(problem.detail, /cannot be written .*what was confirmed is safe/)
  const queues = JSON.parse((await run(['queues', '--json', '--engine', engine])).out)
  // The one that was refused may have happened: its answer was `unknown`.
  const { ready } = queues.items[0]
  ok(ready === confirmed || ready === confirmed + 1, `${ready} of ${confirmed}`)
  ok(confirmed > 0)
})

test('a sync fails: the server is not ready from then on', async () => {
  const disk = new FaultDisk()
  const engine = await openFileEngine('/engine', { disk })
  const post = await createPost({
    url: 'file:/engine',
    engine,
    options: { log: silentLog },
    release: () => engine.close(),
  })
  const answer = handler(post)
  const ready = (): Promise<Response> => answer(new Request('http://localhost/readyz'))
  equal((await ready()).status, 200)
  disk.failNext({ operation: 'sync', code: 'EIO' })
  const sent = await answer(new Request('http://localhost/v1/queues/a/messages', { method: 'POST', body: 'x' }))
  equal(sent.status, 503)
  const { status, headers, body } = await ready()
  equal(status, 503)
  equal(headers.get('content-type'), 'application/problem+json')
  equal(JSON.parse(await new Response(body).text()).code, 'engine-failed')
  match((await engine.failed).message, /EIO/)
  await post.close({ grace: 0 })
})
