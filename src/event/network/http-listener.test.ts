// The HTTP server of a source: what goes wrong beside any request.
import { equal, match } from 'node:assert/strict'
import { Server } from 'node:http'
import { test } from 'node:test'
import { createLog } from '../../runtime/log.ts'
import { listenHttp } from './http-listener.ts'

const PLACE = { host: '127.0.0.1', port: 0 }

test('an error of the server that listens is logged, and ends nothing', async (t) => {
  const entries: string[] = []
  const listen = t.mock.method(Server.prototype, 'listen')
  const source = await listenHttp(PLACE, async () => new Response('here'), {
    log: createLog((_level, message) => entries.push(message)),
  })
  ;(listen.mock.calls[0]!.this as Server).emit('error', new Error('accept failed'))
  match(entries.join(), /listening for a source failed/)
  equal(await (await fetch(source.url)).text(), 'here')
  await source.close()
})
