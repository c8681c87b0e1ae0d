import { equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import type { Link } from '../link/link.ts'
import { Exchange } from './exchange.ts'
import { ownBuffers } from './packer.ts'

/** The host is gone as soon as anything is asked of it. */
function create(): Exchange {
  const exchange = new Exchange(systemClock, () => {})
  const gone: Link = {
    buffers: ownBuffers,
    post: () =>
      void setImmediate(() => exchange.failed({ code: 'engine-failed', message: 'the thread has ended', details: {} })),
    keepAlive() {},
    end: () => Promise.resolve(),
  }
  exchange.connect(gone)
  return exchange
}

const hasStopped = (exchange: Exchange): Promise<boolean> =>
  Promise.race([
    exchange.stopped.then(() => true),
    new Promise<boolean>((resolve) => setImmediate(() => resolve(false))),
  ])

const ask = (exchange: Exchange): Promise<void> =>
  exchange.call(
    (stream, n) => stream.call(n, { call: 'look' }),
    () => undefined,
  )

test('a host that is gone has failed, and whoever waits for it learns that', async () => {
  const exchange = create()
  await rejects(ask(exchange), { code: 'unknown' })
  equal(await hasStopped(exchange), true)
  await rejects(ask(exchange), { code: 'engine-failed' })
})

test('a host that is gone before it has said that it closes has not failed', async () => {
  const exchange = create()
  await exchange.end()
  equal(await hasStopped(exchange), false)
  await rejects(ask(exchange), { code: 'closed' })
})
