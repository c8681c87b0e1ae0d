// Several posts of one process on one database: they share the process's locks on the file, and still none waits for another for ever. Each
// works on what the others send, while transactions of the user's are joined and rolled back, and one of them closes in the middle.

import { deepEqual, equal } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { z } from 'zod'
import { handle, open, queue, task } from '../../src/index.ts'
import { silentLog } from '../../src/runtime/log.ts'

const COUNT = 60
const double = task('double', {
  input: z.object({ n: z.number() }),
  output: z.object({ n: z.number() }),
  key: ({ n }) => `key-${n % 5}`,
})
const notes = queue('notes', { data: z.object({ n: z.number() }) })

test('once, visible: posts of one process on one database, that open, work and close beside each other', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-sqlite-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'p.db')
  const posts = await Promise.all([1, 2, 3].map(() => open(`sqlite:${file}`, { log: silentLog })))
  t.after(() => Promise.all(posts.map((post) => post.close())))
  const noted: number[] = []
  const handlers = [
    handle(double, ({ n }, ctx) => {
      ctx.send(notes, { n })
      return Promise.resolve({ n: 2 * n })
    }),
    handle(notes, ({ n }) => void noted.push(n)),
  ]
  await Promise.all(posts.map((post) => post.work(handlers)))
  const own = new DatabaseSync(file, { timeout: 20_000 })
  const results: Promise<{ readonly n: number }>[] = []
  const expected: number[] = []
  for (let n = 0; n < COUNT; n++) {
    // Of the last post, which closes, nobody waits for a result.
    const post = posts[n % (n < COUNT / 2 ? 3 : 2)]!
    const operation = await post.send(double, { n })
    results.push(posts[0]!.operation(double, operation.id).result({ timeout: '60s' }))
    expected.push(n)
    if (n % 10 === 0) {
      own.exec('begin immediate')
      await posts[(n / 10) % 2]!.send(notes, { n: 1_000 + n }, { within: own })
      own.exec(n % 20 === 0 ? 'commit' : 'rollback')
      if (n % 20 === 0) expected.push(1_000 + n)
    }
    if (n === COUNT / 2) await posts[2]!.close()
  }
  deepEqual(
    (await Promise.all(results)).map(({ n }) => n),
    Array.from({ length: COUNT }, (_, n) => 2 * n),
  )
  own.close()
  await posts[1]!.close()
  const last = await posts[0]!.work(handlers)
  await last.drain()
  deepEqual(
    noted.toSorted((one, other) => one - other),
    expected.toSorted((one, other) => one - other),
  )
  await posts[0]!.close()
  equal(noted.length, expected.length)
})
