// Leases in its own name, says what it got, and waits to be killed.
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'

const [, , url = '', schema = ''] = process.argv
const engine = await openPostgresEngine(url, { schema, connections: 2 })
const { deliveries } = await engine.lease({
  id: 'one',
  worker: 'victim',
  holder: 'process',
  leaseMs: 3_600_000,
  wants: [{ queue: 'a', max: 3 }],
})
console.log(JSON.stringify(deliveries.map(({ token }) => token)))
setInterval(() => {}, 1_000)
