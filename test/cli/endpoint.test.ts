// `posthorn endpoint …` as an operator uses it: a server is there, and a receiver that verifies what it is sent.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { startReceiver } from '../callback/receiver.ts'
import { run, runOn, type Ran } from './command.ts'

test('an endpoint, from the first to the last', async (context) => {
  const cwd = mkdtempSync(join(tmpdir(), 'posthorn-endpoint-'))
  const serving = runOn(['serve', '--port', '0', '--callback-allow-range', '127.0.0.0/8'], { cwd })
  context.after(async () => {
    serving.kill('SIGKILL')
    await serving.ended
    rmSync(cwd, { recursive: true, force: true })
  })
  using receiver = await startReceiver()
  const { url } = (await serving.event('listening')) as { readonly url: string }
  const posthorn = (...args: readonly string[]): Promise<Ran> => run([...args, '--engine', url], { cwd })
  const endpoint = (...args: readonly string[]): Promise<Ran> => posthorn('endpoint', ...args)
  /** What is written a moment after it has happened. */
  const said = async (args: readonly string[], ...parts: readonly RegExp[]): Promise<string> => {
    for (;;) {
      const { out } = await endpoint(...args)
      if (parts.every((part) => part.test(out))) return out
    }
  }
  match((await endpoint('list')).out, /no endpoints yet/)

  const typeless = await endpoint('add', 'hook', receiver.url, '--type', 'order.*')
  deepEqual([typeless.code, /--type goes with --topic/.test(typeless.err)], [2, true])
  const made = await endpoint('add', 'hook', `${receiver.url}/in`, '--topic', 'orders', '--type', 'order.*')
  equal(made.code, 0, made.err)
  const secret = /shown this once: (whsec_\S+)/.exec(made.out)![1]!
  equal((await endpoint('add', 'hook', receiver.url)).code, 1, 'there is one already')
  let webhook = new Webhook(secret)
  receiver.answer = ({ headers, body }) => {
    try {
      webhook.verify(body.toString(), headers as Record<string, string>)
      return {}
    } catch {
      return { status: 401 }
    }
  }

  equal((await posthorn('publish', 'orders', 'order.paid', '{"total":7}')).code, 0)
  match((await endpoint('test', 'hook')).out, /endpoint attempts hook --message/)
  const drilled = await endpoint('drill', 'hook')
  deepEqual([drilled.code, drilled.out.match(/^passed/gm)?.length], [0, 5], drilled.out + drilled.err)
  const attempts = await said(
    ['attempts', 'hook'],
    /order\.paid +1 +delivered +204/,
    /posthorn\.endpoint\.test +1 +delivered/,
  )
  ok(!attempts.includes(secret))
  await said(['list'], /hook +active +0 +0 .*orders:order\.\*/)

  const rotated = await endpoint('rotate', 'hook', '--overlap', '1h')
  webhook = new Webhook(/(whsec_\S+)/.exec(rotated.out)![1]!)
  equal((await endpoint('drill', 'hook')).code, 0, 'both sign')
  receiver.answer = () => ({ status: 200 })
  const careless = await endpoint('drill', 'hook')
  deepEqual([careless.code, /failed 2 of 5 drills/.test(careless.err)], [1, true], careless.err)

  match((await endpoint('disable', 'hook')).out, /is disabled/)
  await posthorn('publish', 'orders', 'order.paid', '{"total":8}')
  await said(['list'], /disabled +1 +0/)
  match((await endpoint('remove', 'hook')).err, /still has 1 events there/)
  match((await endpoint('enable', 'hook')).out, /is active/)
  match((await endpoint('redeliver', 'hook', '--failed-only', '--dry-run')).out, /^0 events would be sent again/)
  match((await endpoint('redeliver', 'hook', '--since', '2026-01-31T12:00:00Z')).out, /of 0 events are sent again/)
  equal((await endpoint('remove', 'hook', '--force')).code, 0)
  equal((await endpoint('attempts', 'hook')).code, 3)
})
