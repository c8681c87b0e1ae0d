// `serve` and `work`: they run handlers, commands go through them, and they end in order.

import { equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { newFolder, parse, run, runOn, type Running } from './command.ts'

const worker = join(import.meta.dirname, 'worker.ts')

function started(context: TestContext, args: readonly string[]): Running {
  const running = runOn(args)
  context.after(async () => {
    running.kill('SIGKILL')
    await running.ended
  })
  return running
}

interface Operation {
  readonly status: string
  readonly done: boolean
  readonly output?: { readonly text: string }
}

/** The operation, once it has ended. */
async function ended(url: string, id: string): Promise<Operation> {
  for (;;) {
    const operation = (await (await fetch(`${url}/v1/operations/${id}?wait=20`)).json()) as Operation
    if (operation.done) return operation
  }
}

test('serve runs handlers behind HTTP, and commands on its folder go through it', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const server = started(context, ['serve', worker, '--engine', engine, '--port', '0'])
  const { url } = (await server.event('listening')) as { readonly url: string }

  const sent = await run(['send', 'task:greet', '{"name":"Ada"}', '--engine', engine, '--json'])
  equal(sent.code, 0, sent.err)
  const operation = await ended(url, parse(sent.out).id)
  equal(operation.status, 'succeeded')
  equal(operation.output?.text, 'Hello, Ada')

  const wrong = await run(['send', 'task:greet', '{"name":7}', '--engine', engine])
  equal(wrong.code, 2)
  match(wrong.err, /name/)

  const refused = await run(['send', 'task:refuse', '{}', '--engine', engine, '--json'])
  equal((await ended(url, parse(refused.out).id)).status, 'failed')
  const dead = await run(['dead', 'task:refuse', '--engine', url])
  match(dead.out, /buried +nobody may do this/)
  match((await run(['redrive', 'task:refuse', '--dry-run', '--engine', engine])).out, /1 dead letter would be redriven/)
  match(
    (await run(['redrive', 'task:refuse', '--match', 'error=timed-out', '--engine', engine])).out,
    /redriven 0 dead letters/,
  )
  match((await run(['redrive', 'task:refuse', '--engine', engine])).out, /redriven 1 dead letter of task:refuse/)
  match((await run(['queues', '--engine', engine])).out, /task:greet/)
  match((await run(['doctor', '--engine', engine])).out, /✓ Engine .*held by the process at http/)

  server.kill('SIGTERM')
  equal((await server.event('stopping'))['signal'], 'SIGTERM')
  await server.event('stopped')
  equal(await server.ended, 0)
  match((await run(['queues', '--engine', engine])).out, /task:greet/)
})

test('work runs handlers, and commands on its folder go through it', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const working = started(context, ['work', worker, '--engine', engine])
  await working.event('working')
  equal((await run(['send', 'letters', '{"text":"x"}', '--engine', engine])).code, 0)
  for (;;) {
    const { items } = parse((await run(['queues', '--engine', engine, '--json'])).out)
    if (items.find(({ queue }) => queue === 'letters')?.ended.acked === 1) break
  }
  working.kill('SIGINT')
  equal(await working.ended, 0)
})

test('what still runs after the grace is given back, and runs again', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const server = started(context, ['serve', worker, '--engine', engine, '--port', '0', '--grace', '50ms'])
  const { url } = (await server.event('listening')) as { readonly url: string }
  const { id } = parse((await run(['send', 'task:wait', '{}', '--engine', engine, '--json'])).out)
  while (((await (await fetch(`${url}/v1/operations/${id}`)).json()) as { status: string }).status !== 'running');
  server.kill('SIGTERM')
  equal(await server.ended, 0)
  const message = parse((await run(['show', 'task:wait', id, '--engine', engine, '--json'])).out)
  equal(message.state, 'ready')
  equal(message.failed, 0)
  equal(message.released, 1)
})

test('a second signal ends at once', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const server = started(context, ['serve', worker, '--engine', engine, '--port', '0', '--grace', '10m'])
  const { url } = (await server.event('listening')) as { readonly url: string }
  const { id } = parse((await run(['send', 'task:wait', '{}', '--engine', engine, '--json'])).out)
  while (((await (await fetch(`${url}/v1/operations/${id}`)).json()) as { status: string }).status !== 'running');
  server.kill('SIGINT')
  await server.event('stopping')
  // Signals that come together are one: npm passes Ctrl-C on beside the terminal.
  const again = setInterval(() => server.kill('SIGINT'), 100)
  equal(await server.ended, 130)
  clearInterval(again)
})

test('a folder that a program holds ends with 4 and says who holds it', async (context) => {
  const folder = newFolder(context)
  const engine = `file:${join(folder, 'engine')}`
  const server = started(context, ['serve', worker, '--engine', engine, '--port', '0'])
  await server.event('listening')
  const second = await run(['serve', worker, '--engine', engine, '--port', '0'])
  equal(second.code, 4)
  match(second.err, new RegExp(`${server.pid}`))

  const other = `file:${join(folder, 'other')}`
  writeFileSync(
    join(folder, 'program.mjs'),
    `import { open } from ${JSON.stringify(import.meta.resolve('posthorn'))}\nawait open(${JSON.stringify(other)})\nprocess.send('open')\nprocess.on('message', () => {})`,
  )
  const { fork } = await import('node:child_process')
  const program = fork(join(folder, 'program.mjs'))
  context.after(() => program.kill('SIGKILL'))
  await once(program, 'message')
  const { code, err } = await run(['queues', '--engine', other])
  equal(code, 4)
  match(err, new RegExp(`${program.pid}`))
})

test('a port that is taken, a key that is needed, a module that is none', async (context) => {
  const folder = newFolder(context)
  const engine = `file:${join(folder, 'engine')}`
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  context.after(() => taken.close())
  const port = (taken.address() as { readonly port: number }).port
  const { code, err } = await run(['serve', '--engine', engine, '--port', String(port)])
  equal(code, 1)
  match(err, new RegExp(`port ${port} of 127.0.0.1 is taken.*\\n  Another port`))

  const open = await run(['serve', '--engine', engine, '--port', '0', '--host', '0.0.0.0'])
  equal(open.code, 2, open.err)
  match(open.err, /key/)

  writeFileSync(join(folder, 'none.ts'), 'export const handlers = []')
  const none = await run(['serve', join(folder, 'none.ts'), '--engine', engine])
  equal(none.code, 2)
  match(none.err, /has no default export \(it has 'handlers'\)\n  It must default-export handlers/)
})

test('a server with a key is spoken to with it', async (context) => {
  const folder = newFolder(context)
  const engine = `file:${join(folder, 'engine')}`
  const keyFile = join(folder, 'key')
  writeFileSync(keyFile, 'a-key-of-the-platform-for-tests\n')
  const server = started(context, ['serve', '--engine', engine, '--port', '0', '--key-file', keyFile])
  const { url } = (await server.event('listening')) as { readonly url: string }
  equal((await run(['queues', '--engine', url])).code, 6)
  equal((await run(['queues', '--engine', url, '--key-file', keyFile])).code, 0)
  equal((await run(['queues', '--engine', url], { env: { POSTHORN_KEY: 'a-key-of-the-platform-for-tests' } })).code, 0)
  // Through the folder, whoever may read it needs no key.
  const through = await run(['queues', '--engine', engine])
  equal(through.code, 0, through.err)
  ok(server.errors.every((line) => !line.includes('a-key-of-the-platform')))
})

test('who looks at the folder of a server that died leaves its callbacks alone', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  // Takes the callback and never answers, so that it is under way when the server dies.
  const receiver = createServer().listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  const origin = `http://127.0.0.1:${(receiver.address() as { readonly port: number }).port}`
  const server = started(context, ['serve', worker, '--engine', engine, '--port', '0', '--callback-allow', origin])
  await server.event('listening')
  const called = once(receiver, 'connection') as Promise<[Socket]>
  equal(
    (await run(['send', 'task:greet', '{"name":"Ada"}', '--callback', `${origin}/ended`, '--engine', engine])).code,
    0,
  )
  const [socket] = await called
  context.after(() => receiver.close())
  context.after(() => socket.destroy())
  server.kill('SIGKILL')
  await server.ended

  // The longest of the commands: the engine is open until an operation has ended.
  for (let looks = 0; looks < 3; looks++) equal((await run(['redrive', 'task:greet', '--engine', engine])).code, 0)
  equal((await run(['dead', 'system:callback', '--engine', engine])).out, 'no dead letters in system:callback\n')
})

test('--no-work serves the contracts and runs nothing; --no-auto-create refuses unknown queues', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const server = started(context, ['serve', worker, '--engine', engine, '--port', '0', '--no-work', '--no-auto-create'])
  const { url, queues } = (await server.event('listening')) as {
    readonly url: string
    readonly queues: readonly string[]
  }
  equal(queues.length, 0)
  match((await run(['send', 'task:greet', '{"name":7}', '--engine', url])).err, /input of task 'greet' does not match/)
  const { id } = parse((await run(['send', 'task:greet', '{"name":"Ada"}', '--engine', url, '--json'])).out)
  match((await run(['show', 'task:greet', id, '--engine', url])).out, /state +ready/)
  const unknown = await run(['send', 'nowhere', '{}', '--engine', url])
  equal(unknown.code, 3)
  match(unknown.err, /there is no queue 'nowhere'/)
})
