// `posthorn backup`, `restore` and `repair`: with a process that has the folder open, without, killed in the midst, and damaged.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { backup, isPosthornError, open, queue, repair, restore, silentLog } from 'posthorn'
import { z } from 'zod'
import { newFolder, run, runOn } from './command.ts'

const inbox = queue('inbox', { data: z.string() })
const bin = join(import.meta.dirname, '../../bin/posthorn.js')

async function depthOf(folder: string): Promise<number> {
  await using post = await open(`file:${folder}`, { log: silentLog })
  return (await post.queue('inbox').depth())?.ready ?? 0
}

test('a backup while serve has the folder, from the command and from a program, and a restore', async (t) => {
  const folder = newFolder(t)
  const data = join(folder, 'data')
  const server = runOn(['serve', '--port', '0', '--engine', `file:${data}`])
  await server.event('listening')
  for (const body of ['1', '2', '3']) equal((await run(['send', 'inbox', body, '--engine', `file:${data}`])).code, 0)
  const { code, out } = await run(['backup', data, '--to', join(folder, 'one')])
  match(out, /^backed up \d+ files?, .* to .*one\n$/)
  equal(code, 0)
  let told = 0
  const report = await backup(`file:${data}`, join(folder, 'two'), { onProgress: () => told++ })
  ok(report.bytes > 0 && told > 0)
  equal((await run(['repair', data, '--to', join(folder, 'never')])).code, 4, 'a folder in use is not repaired')
  equal(existsSync(join(folder, 'never')), false)
  server.kill('SIGTERM')
  equal(await server.ended, 0)
  const restored = await run(['restore', join(folder, 'one'), '--to', join(folder, 'back'), '--json'])
  equal((JSON.parse(restored.out) as { files: number }).files, report.files)
  equal(await depthOf(join(folder, 'back')), 3)
  equal((await restore(join(folder, 'two'), join(folder, 'other'))).sequence, report.sequence)
  equal(await depthOf(join(folder, 'other')), 3)
})

test('what cannot be: wrong folders, each with its exit code and a sentence', async (t) => {
  const folder = newFolder(t)
  const data = join(folder, 'data')
  await run(['send', 'inbox', '1', '--engine', `file:${data}`])
  await run(['backup', data, '--to', join(folder, 'backup')])
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [['backup', join(folder, 'none'), '--to', join(folder, 'x')], 3, /there is no folder/],
    [['backup', data], 2, /required option '--to <folder>'/],
    [['backup', data, '--to', data], 2, /holds .* already/],
    [['backup', join(folder, 'backup'), '--to', join(folder, 'x')], 2, /is a backup/],
    [['restore', data, '--to', join(folder, 'x')], 2, /is no backup/],
    [['restore', join(folder, 'backup'), '--to', data], 2, /holds .* already/],
    [['queues', '--engine', `file:${join(folder, 'backup')}`], 2, /restore it/],
  ]
  for (const [args, exit, message] of cases) {
    const { code, err } = await run(args)
    match(err, message, args.join(' '))
    equal(code, exit, args.join(' '))
  }
  await backup('redis://localhost', folder).then(
    () => ok(false),
    (error: unknown) => ok(isPosthornError(error) && error.code === 'invalid'),
  )
})

test('a backup that was killed in the midst is recognised', async (t) => {
  const folder = newFolder(t)
  const [data, target] = [join(folder, 'data'), join(folder, 'backup')]
  {
    await using post = await open(`file:${data}`, { log: silentLog })
    for (let count = 0; count < 80; count++) await post.send(inbox, 'x'.repeat(1 << 19))
  }
  const child = spawn(process.execPath, [bin, 'backup', data, '--to', target], { stdio: 'ignore' })
  const begun = new Promise<void>((resolve) => {
    const watcher = watch(folder, { recursive: true }, () => {
      if (!existsSync(target) || !readdirSync(target).some((name) => name.startsWith('segment'))) return
      watcher.close()
      resolve()
    })
  })
  await begun
  child.kill('SIGKILL')
  await once(child, 'exit')
  ok(!existsSync(join(target, 'backup.json')), 'it was killed before it was finished')
  const { code, err } = await run(['restore', target, '--to', join(folder, 'back')])
  equal(code, 2)
  match(err, /never finished/)
  equal((await run(['queues', '--engine', `file:${target}`])).code, 2)
  equal(await depthOf(data), 80, 'and the engine is none the worse')
  equal((await run(['backup', data, '--to', join(folder, 'second')])).code, 0)
})

test('repair saves what can be read, names what cannot, and leaves the damaged folder as it was', async (t) => {
  const folder = newFolder(t)
  const data = join(folder, 'data')
  const ids: string[] = []
  {
    await using post = await open(`file:${data}`, { log: silentLog })
    for (const text of ['first', 'second', 'third']) ids.push((await post.send(inbox, `the ${text} body`)).id)
  }
  equal((await repair(data, join(folder, 'sound'))).isWhole, true)
  const file = join(data, 'segment-000001.log')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('the second body')]! ^= 4
  writeFileSync(file, bytes)
  const before = readdirSync(data).map((name) => readFileSync(join(data, name)))
  const { code, out } = await run(['repair', data, '--to', join(folder, 'new')])
  equal(code, 1, 'something is lost')
  match(out, /^saved 2 messages of 1 queue/)
  match(out, new RegExp(`lost message ${ids[1]} of inbox: its content is damaged or gone`))
  match(out, new RegExp(`lost bytes \\d+ to \\d+ of ${file}: content`))
  deepEqual(
    readdirSync(data).map((name) => readFileSync(join(data, name))),
    before,
  )
  equal(await depthOf(join(folder, 'new')), 2)
  const { out: json } = await run(['repair', data, '--to', join(folder, 'json'), '--json'])
  const { lost } = JSON.parse(json) as { readonly lost: { readonly messages: readonly { readonly id: string }[] } }
  deepEqual(
    lost.messages.map(({ id }) => id),
    [ids[1]],
  )
})
