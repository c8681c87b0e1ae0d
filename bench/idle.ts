// What Posthorn costs when nothing happens: handlers waiting, the server listening, no messages. Prints one JSON line.
// `node bench/idle.ts --seconds 60 --handlers 100 [--engine memory:]`

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { handle, open, queue } from 'posthorn'
import { serve } from 'posthorn/server'
import { z } from 'zod'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    handlers: { type: 'string', default: '100' },
    engine: { type: 'string' },
  },
})
const seconds = Number(values.seconds)
const count = Number(values.handlers)

const folder = mkdtempSync(join(tmpdir(), 'posthorn-idle-'))
const engine = values.engine ?? `file:${join(folder, 'engine')}`
const post = await open(engine)
const queues = Array.from({ length: count }, (_, at) => queue(`idle-${at}`, { data: z.object({}) }))
await post.work(queues.map((one) => handle(one, () => {})))
const server = await serve(post, { port: 0 })

// Starting up is no part of being idle.
await sleep(1_000)
const before = process.cpuUsage()
const startMs = performance.now()
await sleep(seconds * 1_000)
const { user, system } = process.cpuUsage(before)
const wallMs = performance.now() - startMs
const cpuMs = (user + system) / 1_000
const round = (value: number, digits: number): number => Number(value.toFixed(digits))
console.log(
  JSON.stringify({
    bench: 'idle',
    engine: engine.split(':', 1)[0],
    handlers: count,
    seconds: round(wallMs / 1_000, 1),
    cpuMs: round(cpuMs, 1),
    corePercent: round((100 * cpuMs) / wallMs, 3),
    limitPercent: 0.5,
    rssMiB: round(process.memoryUsage.rss() / 2 ** 20, 1),
  }),
)
await server.stop()
await post.close()
rmSync(folder, { recursive: true })
