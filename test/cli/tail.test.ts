// `posthorn tail`: through the process that holds the folder, over its restart, and to a clean end.

import { equal, match } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { newFolder, parse, run, runOn, type Running } from './command.ts'

const worker = join(import.meta.dirname, 'worker.ts')

test('tail waits for a server, tells what happens in it, goes on with the next one, and ends at the first signal', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const started: Running[] = []
  const start = (...args: readonly string[]): Running => {
    const running = runOn([...args, '--engine', engine])
    started.push(running)
    return running
  }
  context.after(() => started.forEach((running) => running.kill('SIGKILL')))
  const early = parse((await run(['send', 'inbox', '{}', '--json', '--engine', engine])).out).id
  const tail = start('tail', '--since', '1h')
  const letters = start('tail', 'letters')
  await tail.line(({ id, reason }) => id === early && reason === 'now ready')
  const first = start('serve', worker, '--port', '0')
  const { url } = await first.event('listening')
  // A tail that follows has asked.
  await following(String(url), 2)
  const { id } = parse((await run(['send', 'letters', '{"text":"x"}', '--key', 'k', '--json', '--engine', engine])).out)
  equal((await tail.line((line) => line['id'] === id && line['what'] === 'sent'))['key'], 'k')
  equal((await tail.line((line) => line['id'] === id && line['what'] === 'acked'))['acquired'], 1)
  await letters.line((line) => line['id'] === id && line['what'] === 'acked')
  first.kill('SIGTERM')
  equal(await first.ended, 0)
  const second = start('serve', '--port', '0')
  const { url: again } = await second.event('listening')
  await following(String(again), 2)
  equal((await tail.line(({ what }) => what === 'missed'))['count'], null)
  const later = parse((await run(['send', 'inbox', '{}', '--json', '--engine', engine])).out).id
  await tail.line((line) => line['id'] === later && line['what'] === 'sent')
  for (const one of [tail, letters]) {
    one.kill('SIGINT')
    equal(await one.ended, 0)
  }
})

test('tail opens an SQLite database itself, and tells what other processes do in it', async (context) => {
  const engine = `sqlite:${join(newFolder(context), 'p.db')}`
  const send = (): ReturnType<typeof run> => run(['send', 'inbox', '{}', '--json', '--engine', engine])
  equal((await send()).code, 0)
  const tail = runOn(['tail', '--engine', engine])
  context.after(() => tail.kill('SIGKILL'))
  const told = tail.line(({ what }) => what === 'sent')
  // When it has begun to follow, nobody can see from outside.
  for (let again = true; again;) again = await Promise.race([told.then(() => false), send().then(() => true)])
  equal((await told)['queue'], 'inbox')
  tail.kill('SIGINT')
  equal(await tail.ended, 0)
})

test('what cannot be followed is told', async (context) => {
  const none = await run(['tail', '--engine', `file:${join(newFolder(context), 'none')}`])
  equal(none.code, 3)
  const memory = await run(['tail', '--engine', 'memory:'])
  equal(memory.code, 2)
  match(memory.err, /cannot be followed from here/)
  equal((await run(['tail', '--engine', 'http://127.0.0.1:9'])).code, 6)
  const since = await run(['tail', '--since', 'soon', '--engine', 'http://127.0.0.1:9'])
  equal(since.code, 2)
  match(since.err, /--since is 'soon': it must be a time/)
})

/** Until so many clients wait for what happens. The metrics are one request more. */
async function following(url: string, clients: number): Promise<void> {
  for (;;) {
    const metrics = await (await fetch(`${url}/metrics`)).text()
    if (new RegExp(`^posthorn_http_in_flight ${clients + 1}$`, 'm').test(metrics)) return
    await new Promise((resolve) => setImmediate(resolve))
  }
}
