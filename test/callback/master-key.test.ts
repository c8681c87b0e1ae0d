// The master key from outside: what is sealed with it opens with nothing else, and it can be changed.

import { deepEqual, equal, rejects } from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { resolveMasterKeys } from '../../src/callback/secret/master-key.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { internalsOf, open, type Post } from '../../src/posthorn.ts'
import { silentLog } from '../../src/runtime/log.ts'
import { until } from '../http/server/client.ts'

const A = 'a-master-key-of-at-least-32-characters-1'
const B = 'a-master-key-of-at-least-32-characters-2'
const isMasterKey = (error: unknown) => isPosthornError(error) && error.code === 'master-key'

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'posthorn-master-key-'))
  context.after(() => rmSync(path, { recursive: true }))
  return path
}

const opening = (path: string, masterKey?: string | readonly string[]): Promise<Post> =>
  open(`file:${path}`, { log: silentLog, ...(masterKey === undefined ? {} : { masterKey }) })
const recordOf = async (post: Post): Promise<string> => {
  const [record] = await internalsOf(post).engine.get(['system/endpoint-key'])
  return Buffer.from(record!.value).toString('latin1')
}
const opens = async (path: string, masterKey?: string | readonly string[]): Promise<readonly unknown[]> => {
  await using post = await opening(path, masterKey)
  await using _ = await post.endpoints.deliver()
  const [{ value } = { value: null }] = await post.endpoints.secrets('hook')
  return [value, (await post.endpoints.keys()).keys.length]
}

test('what is sealed with a master key from outside opens with nothing else, and says what is missing', async (context) => {
  const path = folder(context)
  {
    await using post = await opening(path, A)
    await post.endpoints.create({ id: 'hook', url: 'https://acme.example/hook', signature: 'both' })
    await post.endpoints.keys()
    const stored = await recordOf(post)
    equal(stored.includes(A), false)
  }
  const right = await opens(path, A)
  equal(right[1], 1)
  for (const wrong of [undefined, B]) {
    await using post = await opening(path, wrong)
    await rejects(post.endpoints.deliver(), isMasterKey)
    await rejects(post.endpoints.secrets('hook'), isMasterKey)
    await rejects(post.endpoints.create({ id: 'more', url: 'https://acme.example/more' }), isMasterKey)
  }
  deepEqual(await opens(path, A), right)
})

test('a rotation: both keys are given, the new one seals all, and the old one is needed no more', async (context) => {
  const path = folder(context)
  {
    await using post = await opening(path, A)
    await post.endpoints.create({ id: 'hook', url: 'https://acme.example/hook', signature: 'both' })
    await post.endpoints.keys()
  }
  const before = await opens(path, [A, B])
  {
    await using post = await opening(path, [B, A])
    const old = await recordOf(post)
    await using _ = await post.endpoints.deliver()
    await until(async () => (await recordOf(post)) !== old, 'all is sealed anew')
  }
  deepEqual(await opens(path, B), before)
  await rejects(opens(path, A), isMasterKey)
})

test('a store with a key of its own takes one from outside, and keeps its own no longer', async (context) => {
  const path = folder(context)
  let own = ''
  {
    await using post = await opening(path)
    await post.endpoints.create({ id: 'hook', url: 'https://acme.example/hook' })
    own = await recordOf(post)
  }
  {
    await using post = await opening(path, A)
    await using _ = await post.endpoints.deliver()
    await until(async () => (await recordOf(post)) !== own, 'all is sealed anew')
  }
  await opens(path, A)
  await rejects(opens(path), isMasterKey)
})

test('a key from the environment, or from a file; what is wrong is said without it', (context) => {
  const text = (keys: readonly Uint8Array[]) => keys.map((key) => Buffer.from(key).toString())
  const path = join(folder(context), 'keys')
  writeFileSync(path, `${B}\n${A}\n`)
  deepEqual(text(resolveMasterKeys(undefined, {})), [])
  deepEqual(text(resolveMasterKeys(undefined, { POSTHORN_MASTER_KEY: A, POSTHORN_MASTER_KEY_FILE: path })), [A])
  deepEqual(text(resolveMasterKeys(undefined, { POSTHORN_MASTER_KEY_FILE: path })), [B, A])
  deepEqual(text(resolveMasterKeys(B, { POSTHORN_MASTER_KEY: A })), [B])
  const faultOf = (given: string | undefined, env: Record<string, string>): string => {
    try {
      resolveMasterKeys(given, env)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  const short = faultOf('a-short-one', {})
  equal(/at least 32 characters/.test(short) && !short.includes('a-short-one'), true, short)
  equal(
    /POSTHORN_MASTER_KEY_FILE names '\/nowhere\/keys', which cannot be read/.test(
      faultOf(undefined, { POSTHORN_MASTER_KEY_FILE: '/nowhere/keys' }),
    ),
    true,
  )
})
