import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../core/clock.ts'
import { internalsOf, open } from '../../posthorn.ts'
import { silentLog } from '../../runtime/log.ts'
import { DEFAULT_ENDPOINT } from '../endpoint/settings.ts'
import { EndpointStore } from '../endpoint/store.ts'
import { makeGrantToken, takeGrant } from './grant.ts'

const DAY = 86_400_000
const settings = { ...DEFAULT_ENDPOINT, url: 'https://acme.example/' }

test('an address to consent at is good for a week, for what was asked last alone, and writes what is new alone', async () => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  await using post = await open('memory:', { log: silentLog, clock })
  const store = new EndpointStore(internalsOf(post))
  const vault = { secrets: [], headers: {} }
  const { endpoint } = await store.create('hook', settings, vault)
  const seal = await store.seal()
  const ask = () => makeGrantToken(seal, endpoint, 300, clock.wallMs())
  const grant = async (token: string, rate?: number | null) =>
    (await takeGrant(store, token, rate, clock.wallMs()))?.ratePerMinute
  const known = async () => {
    const found = await store.need('hook')
    return [found.endpoint.verified?.ratePerMinute, found.version] as const
  }
  const first = ask()
  clock.advance(1_000)
  const second = ask()
  clock.advance(1_000)
  equal(await grant(first, 60), 60)
  const once = await known()
  clock.advance(1_000)
  equal(await grant(first, 60), 60)
  deepEqual(await known(), once)
  equal(await grant(second, null), null)
  equal(await grant(second), 300)
  equal(await grant(first, null), undefined)
  equal((await known())[0], 300)
  // It consented at once, to what it was asked after that.
  const verified = { by: 'handshake', at: clock.wallMs(), ratePerMinute: 10 } as const
  await store.change('hook', (current) => ({ endpoint: { ...current, verified } }))
  equal(await grant(second), undefined)
  const last = ask()
  equal(await grant(`${last.slice(0, -2)}AA`), undefined)
  clock.advance(7 * DAY)
  equal(await grant(last), 300)
  clock.advance(1)
  equal(await grant(last), undefined)
  equal((await known())[0], 300)
})
