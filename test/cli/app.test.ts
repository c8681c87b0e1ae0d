// `posthorn app …` as an operator uses it: the engine's folder is free, and each command opens it.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { run, type Ran } from './command.ts'

const cwd = mkdtempSync(join(tmpdir(), 'posthorn-app-'))
after(() => rmSync(cwd, { recursive: true, force: true }))
const posthorn = (...args: readonly string[]): Promise<Ran> => run(args, { cwd, env: { USER: 'ada' } })
const asJson = async (...args: readonly string[]): Promise<Record<string, never>> =>
  JSON.parse((await posthorn(...args, '--json')).out) as Record<string, never>

test('an app and its keys, from the first to the last', async () => {
  const made = await posthorn(
    'app',
    'create',
    'acme',
    '--scope',
    'queue:**',
    '--quota',
    'bytes=1000',
    '--title',
    'Acme',
  )
  equal(made.code, 0, made.err)
  match(made.out, /created app acme: queue:\*\*\nphk_[\w-]{48}\n/)
  match(made.err, /shown this once/)
  deepEqual((await posthorn('app', 'create', 'acme')).code, 2, 'there is one already')

  const { keys, quotas } = (await asJson('app', 'show', 'acme')) as unknown as {
    keys: { id: string }[]
    quotas: { bytes: number }
  }
  deepEqual([keys.length, quotas.bytes], [1, 1000])
  const rotated = await posthorn('app', 'key', 'rotate', 'acme', keys[0]!.id, '--overlap', '1h')
  match(rotated.out, /^phk_[\w-]{48}\n$/, 'only the key, so that it can be piped')
  const revoked = await posthorn('app', 'key', 'revoke', 'acme', keys[0]!.id)
  match(revoked.out, /revoked/)

  match((await posthorn('app', 'pause', 'acme')).out, /paused/)
  match((await posthorn('app', 'set', 'acme', '--max-priority', '7')).out, /changed/)
  const shown = await posthorn('app', 'show', 'acme')
  for (const part of [/Acme/, /paused/, /priority up to 7/, /0 of 100 queues/]) match(shown.out, part)

  equal((await posthorn('app', 'delete', 'acme')).code, 0)
  equal((await posthorn('app', 'show', 'acme')).code, 3)
  const log = await posthorn('app', 'log', 'acme')
  for (const act of ['created', 'key.added', 'key.rotated', 'key.revoked', 'paused', 'changed', 'deleted'])
    ok(log.out.includes(act), act)
  match(log.out, /paused +ada/)
  ok(!log.out.includes('phk_'))
})
