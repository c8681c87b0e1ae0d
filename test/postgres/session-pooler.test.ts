// Behind a pooler that gives each client a session for as long as it stays, but numbers of its own (PgBouncer in session mode): whoever is at
// work is not taken for dead, and no stranger's session is ended.

import { deepEqual, equal, ok } from 'node:assert/strict'
import { connect as dial, createServer, type Socket } from 'node:net'
import { hashOf } from '../../src/engine/postgres/hash.ts'
import { connect } from './client.ts'
import { commit, message, onPostgres } from './world.ts'

interface SessionPooler {
  readonly url: string
  /** Clients that have come, and those that were cut off from their side. */
  readonly came: () => number
  readonly left: () => number
  /** Calls back when the next client leaves. */
  nextLeft(): Promise<void>
  close(): Promise<void>
}

const KEY_DATA_BYTES = 12

/** Passes bytes on, but tells every client the same number in place of its session's. */
async function startSessionPooler(url: string, number: number): Promise<SessionPooler> {
  const target = new URL(url)
  const sockets = new Set<Socket>()
  let [came, left] = [0, 0]
  let leaves = Promise.withResolvers<void>()
  const server = createServer((client) => {
    came++
    const far = dial(Number(target.port || 5432), target.hostname)
    let isIn = false
    far.on('data', (bytes) => {
      // BackendKeyData: 'K', a length of 12, the number, the secret. It is in the first bytes that follow the password.
      const at = isIn ? -1 : bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, KEY_DATA_BYTES]))
      if (at >= 0) {
        isIn = true
        bytes.writeInt32BE(number, at + 5)
      }
      client.write(bytes)
    })
    client.on('data', (bytes) => far.write(bytes))
    for (const [one, other] of [
      [client, far],
      [far, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
    client.on('close', () => {
      left++
      leaves.resolve()
      leaves = Promise.withResolvers()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const near = new URL(url)
  near.hostname = '127.0.0.1'
  near.port = String((server.address() as { readonly port: number }).port)
  return {
    url: near.href,
    came: () => came,
    left: () => left,
    nextLeft: () => leaves.promise,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

onPostgres('a session that is at work for long is left to it, and no stranger is ended', async (world) => {
  const stranger = await connect(world.url)
  const number = (await stranger.query('select pg_backend_pid() as number')).rows[0]!['number'] as number
  const pooler = await startSessionPooler(world.url, number)
  const engine = await world.open({ url: pooler.url, connections: 1 })
  const [came, left] = [pooler.came(), pooler.left()]
  // The commit waits for the schema's lock, longer than anybody is silent without being asked after.
  await stranger.query('begin')
  await stranger.query('select pg_advisory_xact_lock($1::int, 0)', [hashOf(`posthorn ${world.schema}`)])
  const sent = commit(engine, { do: 'send', queue: 'a', message: message({ key: 'k' }) })
  // Who asks comes over a connection of his own and leaves; twice, so that what he found has been acted upon.
  for (let asked = 0; asked < 2; asked++) await pooler.nextLeft()
  deepEqual(pooler.came() - came, pooler.left() - left, 'only those have left that came to ask')
  await stranger.query('commit')
  equal((await sent).status, 'committed')
  deepEqual((await stranger.query('select 1 as number')).rows, [{ number: 1 }])
  await engine.close()
  await stranger.end()
  await pooler.close()
  ok(pooler.came() > came)
})
