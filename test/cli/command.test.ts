// The commands on an engine that nobody holds: what they print, what they answer, how they fail.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ERRORS, open, silentLog } from 'posthorn'
import { newFolder, parse, run } from './command.ts'

test('help and version', async () => {
  const help = await run(['--help'])
  equal(help.code, 0)
  match(help.out, /posthorn serve worker\.ts/)
  match((await run(['--version'])).out, /^\d+\.\d+\.\d+\n$/)
  const bare = await run([])
  equal(bare.code, 2)
  match(bare.err, /Usage: posthorn/)
})

test('usage errors end with 2 and say what is right', async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['qeues'], /unknown command 'qeues'\n\(Did you mean queues\?\)/],
    [['send'], /missing required argument 'to'/],
    [['send', 'a b'], /'a b' is no queue/],
    [['send', 'inbox', '{nope'], /the body is not JSON/],
    [['send', 'inbox', '{}', '--delay', '5'], /'5', which has no unit: write '5ms'/],
    [['purge', 'inbox'], /required option '--state <state>' not specified/],
    [['purge', 'inbox', '--state', 'leased'], /Allowed choices are arrived, ready/],
    [['redrive', 'inbox', '--match', 'x=1'], /FIELD=VALUE/],
    [['serve', '--port', 'http'], /--port is 'http'/],
    [['serve', '--grace', '5'], /no unit/],
    [['serve', '--min-free', '64'], /--min-free is '64': it must be a size like 64MiB or 1GB/],
    [['queues', '--engine', 'memory:'], /lives inside one process/],
    [['backup', 'sqlite:./a.db', '--to', 'b'], /'sqlite:\.\/a\.db' is no folder/],
    [['queues', '--engine', 'kafka://x'], /kafka/],
  ]
  for (const [args, message] of cases) {
    const { code, err, out } = await run(args, { cwd: '/' })
    match(err, message, args.join(' '))
    equal(code, 2, args.join(' '))
    equal(out, '')
  }
})

test('what is not there ends with 3', async (context) => {
  const folder = newFolder(context)
  const none = await run(['queues', '--engine', `file:${join(folder, 'none')}`])
  equal(none.code, 3)
  match(none.err, /there is no engine at file:/)
  const engine = `file:${join(folder, 'engine')}`
  equal((await run(['send', 'inbox', '{}', '--engine', engine])).code, 0)
  const queue = await run(['show', 'outbox', '--engine', engine])
  equal(queue.code, 3)
  match(queue.err, /there is no queue 'outbox'.*\n  There: inbox\./)
  const message = await run(['show', 'inbox', '018f0000-0000-7000-8000-000000000000', '--engine', engine])
  equal(message.code, 3)
  match(message.err, /there is no message 018f/)
  equal((await run(['serve', 'none.ts', '--engine', engine])).code, 3)
})

test('a server that is not there ends with 6, an error is JSON where that is asked for', async () => {
  const { code, err } = await run(['queues', '--engine', 'http://127.0.0.1:9', '--json'])
  equal(code, 6)
  equal(parse(err).code, 'unreachable')
})

test('with --json every error is a problem: those of the table, and those of the command line', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const forbidden = await run(['send', 'system:callback', '{}', '--engine', engine, '--json'])
  equal(forbidden.code, 2)
  const { code, title, status } = parse(forbidden.err)
  deepEqual({ code, title, status }, { code: 'forbidden-queue', title: ERRORS['forbidden-queue'].title, status: 403 })
  for (const args of [['qeues'], ['purge', 'inbox'], ['serve', '--port', 'http']]) {
    const usage = await run([...args, '--engine', engine, '--json'])
    equal(usage.code, 2)
    equal(usage.out, '')
    equal(parse(usage.err).title, ERRORS['invalid-option'].title, args.join(' '))
  }
})

test('send, look, purge: the life of messages from the command line', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const posthorn = (...args: readonly string[]) => run([...args, '--engine', engine])

  const sent = parse(
    (await posthorn('send', 'inbox', '{"text":"hello"}', '--key', 'Euro € 100%', '--dedupe', 'one', '--json')).out,
  )
  ok(sent.id)
  equal(sent.duplicate, false)
  match((await posthorn('send', 'inbox', '{}', '--dedupe', 'one')).out, new RegExp(`duplicate of ${sent.id}`))
  match((await posthorn('send', 'inbox', '{}', '--delay', '1h')).out, /^sent /)
  const text = await run(['send', 'inbox', '-', '--content-type', 'text/plain', '--engine', engine], {
    input: 'just text',
  })
  match(text.out, /^sent /)

  const queues = parse((await posthorn('queues', '--json')).out)
  equal(queues.items.length, 1)
  equal(queues.items[0]?.queue, 'inbox')
  equal(queues.items[0]?.ready, 2)
  equal(queues.items[0]?.delayed, 1)
  match(
    (await posthorn('queues')).out,
    /queue +ready +held +delayed +leased +dead +acked +oldest ready\ninbox +2 +0 +1 +0 +0 +0/,
  )

  const shown = await posthorn('show', 'inbox')
  match(shown.out, /^inbox\n2 ready · 0 held · 1 delayed/)
  match(shown.out, new RegExp(sent.id))
  const one = await posthorn('show', 'inbox', sent.id)
  match(one.out, /state +ready/)
  match(one.out, /"text": "hello"/)
  match(one.out, /key +Euro € 100%/)
  equal(parse((await posthorn('show', 'inbox', sent.id, '--json')).out).id, sent.id)

  equal((await posthorn('dead', 'inbox')).out, 'no dead letters in inbox\n')
  match((await posthorn('purge', 'inbox', '--state', 'waiting')).out, /discarded 3 messages of inbox/)
  equal(parse((await posthorn('queues', '--json')).out).items[0]?.ready, 0)
})

test('doctor tells what is here, and the defaults', async (context) => {
  const engine = `file:${join(newFolder(context), 'engine')}`
  const { code, out } = await run(['doctor', '--engine', engine])
  equal(code, 0)
  match(out, /✓ Node .*\n✓ Engine .*not begun yet/)
  match(out, /fdatasync [\d.]+ m?s \(p50\), [\d.]+ m?s \(p99\) of \d+ in /)
  match(out, /about [\d,]+ commits a second for one caller/)
  match(out, /below 64\.0 MiB sends are refused/)
  match(out, /attempts +5 failed runs at most/)
  const { checks, defaults } = parse((await run(['doctor', '--engine', engine, '--json'])).out)
  deepEqual(
    checks.map(({ name }) => name),
    ['Node', 'Engine', 'File system', 'Sync', 'Space', 'Open files', 'Memory'],
  )
  equal(defaults.attempts, 5)
})

test('doctor fails where something is wrong', async () => {
  const { code, out } = await run(['doctor', '--engine', 'http://127.0.0.1:9'])
  equal(code, 1)
  match(out, /✗ Engine .*cannot be used\n .*does not answer/)
})

test('doctor says which program has the folder locked', async (context) => {
  const folder = join(newFolder(context), 'engine')
  await using post = await open(`file:${folder}`, { log: silentLog })
  void post
  const { code, out } = await run(['doctor', '--engine', `file:${folder}`])
  equal(code, 0, out)
  match(out, new RegExp(`! Engine .*locked by process ${process.pid} on `))
})
