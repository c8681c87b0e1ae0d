// `posthorn serve` with a module that forwards: platforms deliver to it, and it ends in order.

import { deepEqual, equal, match } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createSigner, github } from '../../src/webhooks/index.ts'
import { run, runOn, newFolder } from './command.ts'

const modulePath = join(import.meta.dirname, 'forwarder.ts')
const secret = 'a-secret-that-github-knows-too'

test('serve mounts the sources of a module, runs its forwards, and ends in order', async (context) => {
  const folder = newFolder(context)
  const serving = runOn(['serve', modulePath, '--engine', `file:${join(folder, 'engine')}`, '--port', '0'])
  context.after(() => serving.kill('SIGKILL'))
  const { url, queues } = await serving.event('listening')
  deepEqual(queues, ['topic:pushes:build'])
  const body = '{"ref":"refs/heads/main","after":"c0ffee"}'
  const { headers } = await createSigner({ profile: github, secrets: [secret] })({ id: 'd1', type: 'push', body })
  const deliver = async (sent: string) =>
    (await fetch(`${url as string}/v1/sources/github`, { method: 'POST', headers, body: sent })).status
  deepEqual([await deliver(body), await deliver(body), await deliver(`${body} `)], [202, 202, 401])
  const { out } = await run(['topics', 'pushes', '--engine', `file:${join(folder, 'engine')}`])
  match(out, /build/)
  serving.kill('SIGTERM')
  equal(await serving.ended, 0)
})

test('what stands in a module and is none of handlers, forwards and sources is told', async (context) => {
  const folder = newFolder(context)
  const path = join(folder, 'wrong.mjs')
  writeFileSync(path, 'export default [{ kind: "topic", name: "orders" }]')
  const { code, err } = await run(['serve', path, '--engine', 'memory:'])
  equal(code, 2)
  match(err, /element 0 of what it exports as default is a topic 'orders', not what handle\(…\) or forward\(…\) makes/)
})
