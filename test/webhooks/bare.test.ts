// What is published for every runtime runs on what every runtime has: here without anything that is Node's own.

import { equal } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const program = `
  const entry = ${JSON.stringify(join(import.meta.dirname, '../../src/webhooks/index.ts'))}
  const print = console.log
  // Node makes these of its own things when they are first used.
  await new Response(new Request('http://x/', { method: 'POST', body: 'x' }).body).text()
  for (const name of ['Buffer', 'process', 'global', 'require', 'setImmediate', 'clearImmediate']) delete globalThis[name]
  const w = await import(entry)
  const pair = await w.generateKeyPair()
  const secret = w.generateSecret()
  const ids = []
  const options = { profile: w.standardWebhooks, secrets: [secret, pair.publicKey], onEvent: ({ id }) => void ids.push(id) }
  for (const one of [secret, pair.privateKey]) {
    const { headers, body } = await w.sign({ id: 'msg_' + ids.length, body: '{}' }, { profile: w.standardWebhooks, secrets: one })
    const response = await w.receive(new Request('http://x/', { method: 'POST', headers, body }), options)
    if (response.status !== 204) throw new Error(await response.text())
  }
  const dingtalk = { token: 't', aesKey: '4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij', owner: 'o' }
  const { body, query } = await w.sign({ body: '{"eventId":"d"}' }, { profile: w.dingtalk, secrets: dingtalk })
  const url = '/?' + new URLSearchParams(query)
  ids.push((await w.verify({ headers: {}, url, body }, { profile: w.dingtalk, secrets: dingtalk })).id)
  print(ids.join(), typeof Buffer, typeof process)
`

test('it runs without Buffer, process and require', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
  })
  equal(stdout.trim(), 'msg_0,msg_1,d undefined undefined', stderr)
})
