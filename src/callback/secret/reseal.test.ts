import { deepEqual, equal, rejects, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { fromJsonBytes, toJsonBytes } from '../../core/json.ts'
import { internalsOf, open } from '../../posthorn.ts'
import { silentLog } from '../../runtime/log.ts'
import { DEFAULT_ENDPOINT } from '../endpoint/settings.ts'
import { EndpointStore, type StoreDeps } from '../endpoint/store.ts'
import { KEYS_RECORD, signingKeys, type StoredKey } from './key.ts'
import { reseal } from './reseal.ts'
import { createSeal } from './seal.ts'
import type { Vault } from './secret.ts'

const A = new TextEncoder().encode('a-master-key-of-at-least-32-characters-1')
const settings = { ...DEFAULT_ENDPOINT, url: 'https://acme.example/' }
const vault: Vault = { secrets: [{ id: 's', value: 'secret-1', createdAt: 0, expiresAt: null }], headers: {} }

/** Two processes on one store. */
const withKey = (deps: StoreDeps, masterKeys: readonly Uint8Array[]): StoreDeps => ({ ...deps, masterKeys })

test("who still seals with the store's own key is told that it is gone, and seals nothing that nobody could open", async () => {
  await using post = await open('memory:', { log: silentLog })
  const deps = internalsOf(post)
  const before = new EndpointStore(withKey(deps, []))
  await before.create('one', settings, vault)
  deepEqual(await reseal(withKey(deps, [A])), { count: 1, unopened: [] })
  await rejects(before.create('two', settings, vault), { code: 'master-key' })
  await rejects(before.vault('one'), { code: 'master-key' })
  equal(await before.get('two'), null)
  deepEqual(await new EndpointStore(withKey(deps, [A])).vault('one'), vault)
})

test("what another process seals with the store's own key while that is removed is sealed anew as well", async () => {
  await using post = await open('memory:', { log: silentLog })
  const deps = internalsOf(post)
  const { engine } = deps
  const before = new EndpointStore(withKey(deps, []))
  await before.create('one', settings, vault)
  const own = createSeal([(await engine.get(['system/endpoint-key']))[0]!.value])
  const key = 'system/endpoint-vault/one'
  // It read the key before, and commits after.
  const commit: typeof engine.commit = async (commits) => {
    const results = await engine.commit(commits)
    const [change] = commits[0]!.changes
    if (change?.do === 'put' && change.key === 'system/endpoint-key')
      await engine.commit([{ changes: [{ do: 'put', key, value: own.seal(key, { ...vault, headers: { a: 'b' } }) }] }])
    return results
  }
  const list = engine.list.bind(engine)
  const resealed = await reseal({ masterKeys: [A], engine: { get: (keys) => engine.get(keys), list, commit } })
  equal(resealed.count, 2)
  deepEqual((await new EndpointStore(withKey(deps, [A])).vault('one')).headers, { a: 'b' })
})

test('it ends between two records where delivery is stopped, and goes on the next time', async () => {
  await using post = await open('memory:', { log: silentLog })
  const deps = internalsOf(post)
  const store = new EndpointStore(withKey(deps, []))
  for (const id of ['one', 'two', 'three']) await store.create(id, settings, vault)
  let left = 1
  equal((await reseal(withKey(deps, [A]), () => left-- > 0)).count, 1)
  equal((await reseal(withKey(deps, [A]))).count, 2)
})

test('a damaged secret is told of, and keeps no other from being sealed anew', async () => {
  await using post = await open('memory:', { log: silentLog })
  const deps = internalsOf(post)
  const { engine } = deps
  const store = new EndpointStore(withKey(deps, []))
  for (const id of ['one', 'two', 'three']) await store.create(id, settings, vault)
  const key = 'system/endpoint-vault/one'
  const { value } = (await engine.get([key]))[0]!
  const damaged = value.with(20, value[20]! ^ 1)
  await engine.commit([{ changes: [{ do: 'put', key, value: damaged }] }])
  deepEqual(await reseal(withKey(deps, [A])), { count: 2, unopened: [key] })
  const after = new EndpointStore(withKey(deps, [A]))
  await rejects(after.vault('one'), { code: 'corrupt' })
  deepEqual(await after.vault('two'), vault)
  deepEqual(await after.vault('three'), vault)
  deepEqual((await engine.get([key]))[0]?.value, damaged, 'what might be saved by hand is left')
})

test('a damaged signing key keeps none beside it from being sealed anew', async () => {
  await using post = await open('memory:', { log: silentLog })
  const deps = internalsOf(post)
  const { engine } = deps
  const [before] = await signingKeys(withKey(deps, []))
  const [record] = await engine.get([KEYS_RECORD])
  const [key] = fromJsonBytes(record!.value) as [StoredKey]
  const bytes = Buffer.from(key.sealed, 'base64')
  bytes[20]! ^= 1
  const damaged: StoredKey = { ...key, sealed: bytes.toString('base64'), signsUntil: 0 }
  await engine.commit([{ changes: [{ do: 'put', key: KEYS_RECORD, value: toJsonBytes([key, damaged]) }] }])
  deepEqual(await reseal(withKey(deps, [A])), { count: 1, unopened: [KEYS_RECORD] })
  deepEqual(await signingKeys(withKey(deps, [A])), [before])
  deepEqual(await reseal(withKey(deps, [A])), { count: 0, unopened: [KEYS_RECORD] })
  const [after] = await engine.get([KEYS_RECORD])
  deepEqual((fromJsonBytes(after!.value) as readonly StoredKey[])[1], damaged, 'what might be saved by hand is left')
})

test('what is sealed opens as a whole and for its record alone', () => {
  const seal = createSeal([A])
  const sealed = seal.seal('one', { a: 1 })
  deepEqual(seal.open('one', sealed), { a: 1 })
  const other = Uint8Array.from(sealed)
  other[0] = 2
  for (const wrong of [other, sealed.subarray(0, 12), sealed.subarray(0, -1), new Uint8Array(4), new Uint8Array(0)])
    for (const record of ['one', 'two']) throws(() => seal.open(record, wrong), { code: 'corrupt' })
  throws(() => seal.open('two', sealed), { code: 'corrupt' })
})
