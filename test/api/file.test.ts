// The public API on the file engine: what a program finds again after a restart, and who may open a folder.

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { handle, open, task } from 'posthorn'
import { z } from 'zod'
import { internalsOf } from '../../src/posthorn.ts'

const root = mkdtempSync(join(tmpdir(), 'posthorn-api-'))
after(() => rmSync(root, { recursive: true }))

const told = task('told', { input: z.object({ id: z.string(), output: z.string() }) })
const echo = task('echo', { input: z.string(), output: z.string() })

test('an operation outlives the process: sent by one, handled by another, told by a third', async () => {
  const url = `file:${join(root, 'restart')}`
  await using first = await open(url)
  const sent = await first.send(echo, 'x', { onSuccess: told })
  equal(sent.receipt.durability, 'disk')
  await first.close()

  await using second = await open(url)
  equal((await second.operation(echo, sent.id).view())!.status, 'accepted')
  const worker = await second.work([handle(echo, (text, ctx) => (ctx.put('seen', text), text.toUpperCase()))])
  equal(await second.operation(echo, sent.id).result(), 'X')
  await worker.stop()
  await second.close()

  const heard: string[] = []
  await using third = await open(url)
  deepEqual(await third.operation(echo, sent.id).ended(), { status: 'succeeded', output: 'X' })
  equal((await third.records.get('seen'))!.value, 'x')
  const teller = await third.work([handle(told, (end) => void heard.push(end.output))])
  await teller.drain()
  deepEqual(heard, ['X'])
  await third.close()
})

test('a folder has one owner; another open is told who, and the same process may share', async () => {
  const folder = join(root, 'locked')
  await using first = await open(`file:${folder}`)
  await rejects(open(`file:${folder}`), { code: 'engine-locked' })
  await using shared = await open(`file:${folder}/../locked`, { shared: true })
  equal(internalsOf(shared).engine, internalsOf(first).engine)
  await first.close()
  const receipt = await shared.send(echo, 'x')
  equal(receipt.receipt.duplicate, false)
  await shared.close()
  await using again = await open(`file:${folder}`)
  await again.close()
})

test('durability os is a choice of its own', async () => {
  await using post = await open(`file:${join(root, 'os')}`, { durability: 'os' })
  equal((await post.send(echo, 'x')).receipt.durability, 'os')
  await post.close()
  await rejects(open(`file:${join(root, 'quorum')}`, { durability: 'quorum' }), {
    code: 'unsupported',
    message: /the engine 'file' reaches /,
  })
  await using free = await open(`file:${join(root, 'quorum')}`)
  await free.close()
})

test('the engine tells of itself in numbers', async () => {
  await using post = await open(`file:${join(root, 'measured')}`)
  await using _worker = await post.work([handle(echo, (text) => text)])
  await Promise.all(Array.from({ length: 20 }, () => post.send(echo, 'x')))
  const measure = (name: string) => post.measure().find((each) => each.name === name)
  const sync = measure('posthorn_log_sync_seconds')
  ok(sync?.kind === 'histogram')
  ok(sync.values.count > 0)
  ok(sync.values.quantile(0.5) <= sync.values.quantile(0.99))
  const group = measure('posthorn_log_group_commits')
  ok(group?.kind === 'histogram' && group.values.sum >= 20)
  const free = measure('posthorn_disk_free_bytes')
  ok(free?.kind === 'gauge' && free.value > 0)
  await using memory = await open('memory:')
  deepEqual(memory.measure(), [])
})
