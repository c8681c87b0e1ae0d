// The public API on the SQLite engine: what a program finds again after a restart, and two programs on one database at once.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { handle, open, task } from 'posthorn'
import { z } from 'zod'

const root = mkdtempSync(join(tmpdir(), 'posthorn-api-'))
after(() => rmSync(root, { recursive: true }))

const echo = task('echo', { input: z.string(), output: z.string() })

test('an operation outlives the process: sent by one, handled by another, told by a third', async () => {
  const url = `sqlite:${join(root, 'restart.db')}`
  await using first = await open(url)
  const sent = await first.send(echo, 'x')
  equal(sent.receipt.durability, 'disk')
  await first.close()

  await using second = await open(url)
  equal((await second.operation(echo, sent.id).view())!.status, 'accepted')
  const worker = await second.work([handle(echo, (text, ctx) => (ctx.put('seen', text), text.toUpperCase()))])
  equal(await second.operation(echo, sent.id).result(), 'X')
  await worker.stop()
  await second.close()

  await using third = await open(url)
  deepEqual(await third.operation(echo, sent.id).ended(), { status: 'succeeded', output: 'X' })
  equal((await third.records.get('seen'))!.value, 'x')
  await third.close()
})

test('one program sends and waits, another works: both are woken', async () => {
  const url = `sqlite:${join(root, 'both.db')}`
  const [sender, receiver] = await Promise.all([open(url), open(url)])
  await receiver.work([handle(echo, (text) => text.toUpperCase())])
  const results = []
  for (const text of ['a', 'b', 'c']) results.push(await (await sender.send(echo, text)).result())
  deepEqual(results, ['A', 'B', 'C'])
  await Promise.all([sender.close(), receiver.close()])
})

test('durability os, shared engines, and what the engine has not', async () => {
  const url = `sqlite:${join(root, 'options.db')}`
  await using post = await open(url, { durability: 'os', shared: true })
  await using again = await open(`sqlite:${join(root, '.', 'options.db')}`, { shared: true })
  equal((await again.send(echo, 'x')).receipt.durability, 'os')
  await post.close()
  await again.close()
  await using full = await open(url, { limits: { minFreeBytes: 2 ** 52 } })
  await rejects(full.send(echo, 'x'), { code: 'disk-full' })
  await full.close()
  await rejects(open(url, { durability: 'quorum' }), { code: 'unsupported', message: /reaches 'os', 'disk'/ })
})
