// Where events come from: code, files, the clock, a platform's webhook, a TCP connection. `node examples/events/main.ts --once` prints what is in
// output.txt, and a test holds it to that; without --once it goes on until Ctrl+C, so that you can put files into its tray.

import { rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { open } from 'posthorn'
import { on, processSignals } from 'posthorn/event'
import { serve } from 'posthorn/server'
import { createSigner, github } from 'posthorn/webhooks'
import { clock, desk, folder, printers, secret } from './contract.ts'
import handlers from './handlers.ts'

const isOnce = process.argv.includes('--once')
await using post = await open('memory:')
await using server = await serve(post, { port: 0 })
const worker = await post.work(handlers)

/** Waits for a line, so that the output is the same each time. */
const lines: string[] = []
const print = console.log
console.log = (line: string) => print(lines[lines.push(line) - 1])
async function said(beginning: string): Promise<void> {
  while (!lines.some((line) => line.startsWith(beginning))) await new Promise((resolve) => setTimeout(resolve, 5))
}

// Business events, in process: a callback, one at a time and in order, until the block ends.
{
  await using counter = await on(desk, ({ type, data }) => console.log(`${type} ${data.id}`))
  await desk.emit('job.taken', { id: 'j1', pages: 12 })
  await counter.stop()
}

// The same source, made durable: when emit resolves, it is in the topic and in the queue of everybody who wants it.
await desk.emit('job.printed', { id: 'j1', pages: 12 })
await said('bill')

// A platform's webhook: answered with success when it is durable. A second delivery of the same event is known.
const body = JSON.stringify({ ref: 'refs/heads/main', after: 'c0ffee' })
const { headers } = await createSigner({ profile: github, secrets: [secret] })({ id: 'd-1', type: 'push', body })
for (const attempt of [1, 2]) {
  const { status } = await fetch(`${server.url}/v1/sources/github`, { method: 'POST', headers, body })
  await said('build')
  console.log(`delivery ${attempt}: ${status}`)
}
const forged = await fetch(`${server.url}/v1/sources/github`, { method: 'POST', headers, body: `${body} ` })
console.log(`forged: ${forged.status}`)

// Signal style: who is told fetches what is there now. On a topic, the event says which file it is about, and no more.
writeFileSync(join(folder, 'a.txt'), 'hello')
await said('preview')

// In process, what waits for a slow listener becomes one event: the latest.
{
  const busy = Promise.withResolvers<void>()
  await using board = await on(
    desk,
    async ({ data }) => {
      console.log(`board shows ${data.id}`)
      await busy.promise
    },
    { types: 'job.taken', coalesce: true },
  )
  await desk.emit('job.taken', { id: 'j2', pages: 1 })
  await said('board')
  for (const id of ['j3', 'j4', 'j5']) await desk.emit('job.taken', { id, pages: 1 })
  busy.resolve()
  await board.stop()
}

// The clock, and a printer on its connection: JSON, a line each.
{
  const ticked = Promise.withResolvers<void>()
  using _ = await on(clock, () => ticked.resolve())
  await ticked.promise
  console.log('tick')
  const told = Promise.withResolvers<void>()
  using __ = await on(printers, ({ type, data }) => {
    console.log(type === 'message.received' ? `ink at ${data.message.ink} %` : type)
    if (type === 'connection.closed') told.resolve()
  })
  const printer = connect(printers.address!.port)
  await once(printer, 'connect')
  printer.end('{"ink":7}\n')
  await told.promise
}

if (!isOnce) {
  print(`listening at ${server.url}; the tray is ${folder}; Ctrl+C ends it`)
  const stopped = Promise.withResolvers<void>()
  using _ = await on(processSignals('stop', ['SIGINT', 'SIGTERM']), () => stopped.resolve())
  await stopped.promise
}
await worker.stop()
rmSync(folder, { recursive: true })
