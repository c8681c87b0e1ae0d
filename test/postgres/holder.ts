// Leases, says what it got, and waits: to be killed, or to be told to ack, of which it says how it went.
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'

const [, , url = '', schema = '', holder = 'process', leaseMs = '3600000'] = process.argv
const engine = await openPostgresEngine(url, { schema, connections: 2 })
const { deliveries } = await engine.lease({
  id: 'one',
  worker: 'victim',
  holder: holder === 'client' ? 'client' : 'process',
  leaseMs: Number(leaseMs),
  wants: [{ queue: 'a', max: 3 }],
})
const tokens = deliveries.map(({ token }) => token)
console.log(JSON.stringify(tokens))
process.stdin.once('data', () => void ack())

async function ack(): Promise<void> {
  const results = await engine.commit(tokens.map((token) => ({ changes: [{ do: 'ack', token }] })))
  console.log(JSON.stringify(results.map((result) => (result.status === 'refused' ? result.code : result.status))))
  await engine.close()
  process.stdin.destroy()
}
