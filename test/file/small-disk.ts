// A process whose folder is on a disk of a few MiB, which another program fills to the last byte. Prints what came of it.

import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../src/core/clock.ts'
import { isPosthornError } from '../../src/core/error.ts'
import { createIds } from '../../src/core/id.ts'
import { openFileEngine, type FileEngine } from '../../src/engine/file/engine.ts'

const [disk = ''] = process.argv.slice(2)
const folder = join(disk, 'engine')
const ids = createIds(systemClock)
const QUEUE = 'q'
const logLimits = { minFreeBytes: 8 << 20 }

let engine = await openFileEngine(folder, { logLimits })

/** Sends until it is refused. */
async function sendAll(): Promise<{ readonly count: number; readonly code: string; readonly freeBytes: number }> {
  for (let count = 0; ;) {
    const changes = Array.from({ length: 20 }, () => {
      const id = ids.uuid()
      const event = { id, source: '/test', type: 't' }
      return { do: 'send', queue: QUEUE, message: { id, event, priority: 4, body: new Uint8Array(2_000) } } as const
    })
    const results = await engine.commit(changes.map((change) => ({ changes: [change] })))
    const refused = results.find((result) => result.status === 'refused')
    count += results.filter((result) => result.status === 'committed').length
    if (refused !== undefined) return { count, code: refused.code, freeBytes: freeBytes() }
  }
}

/** Acks everything, one commit each. */
async function ackAll(): Promise<number> {
  for (let count = 0; ;) {
    const request = { id: ids.uuid(), worker: 'test', holder: 'process', leaseMs: 60_000 } as const
    const { deliveries } = await engine.lease({ ...request, wants: [{ queue: QUEUE, max: 200 }] })
    if (deliveries.length === 0) return count
    for (const { token } of deliveries) {
      const [result] = await engine.commit([{ changes: [{ do: 'ack', token }] }])
      if (result?.status === 'committed') count++
    }
  }
}

/** Another program takes all there is. */
function fill(): void {
  for (let at = 0, bytes = 1 << 20; bytes > 0; at++) {
    try {
      writeFileSync(join(disk, `filler-${at}`), new Uint8Array(bytes))
    } catch {
      bytes >>= 1
    }
  }
}

function makeRoom(): void {
  for (const name of readdirSync(disk)) if (name.startsWith('filler')) rmSync(join(disk, name))
}

function freeBytes(): number {
  const { bavail, bsize } = statfsSync(disk)
  return bavail * bsize
}

async function reopen(): Promise<FileEngine> {
  await engine.close()
  return openFileEngine(folder, { logLimits })
}

try {
  const first = await sendAll()
  fill()
  const full = { freeBytes: freeBytes(), acked: await ackAll() }
  makeRoom()
  // The disk is asked again a moment later; a checkpoint then gives back the room of what was settled.
  const until = systemClock.monotonicMs() + 10_000
  let second = 0
  while (second < 1_000 && systemClock.monotonicMs() < until) second += (await sendAll()).count
  engine = await reopen()
  const [depth] = await engine.depth([QUEUE])
  const acked = await ackAll()
  await engine.close()
  console.log(JSON.stringify({ first, full, second, waiting: depth!.ready, acked }))
} catch (error) {
  console.log(JSON.stringify({ failed: isPosthornError(error) ? error.code : String(error), message: String(error) }))
}
