// A process that does nothing but look for what is due, again and again, so that two of them find the same at once.

import { setTimeout as sleep } from 'node:timers/promises'
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'

const [, , url = '', schema = ''] = process.argv
const engine = await openPostgresEngine(url, { schema, connections: 3 })
const over = new AbortController()
process.once('disconnect', () => over.abort())
process.once('SIGTERM', () => over.abort())
process.send?.('ready')
for (let n = 0; !over.signal.aborted; n++) {
  // What has lapsed or is due is decided before anything is handed out, also where nothing can be.
  const request = { id: `${process.pid} ${n}`, worker: 'sweeper', holder: 'client', leaseMs: 1_000 } as const
  await engine.lease({ ...request, wants: [{ queue: 'nothing', max: 1 }] }).catch(() => {})
  await sleep(1)
}
await engine.close()
process.exit()
