/**
 * What the file engine writes for each byte that decisions take: first come first served, but for a share of the messages that
 * is delayed until many others have passed, so that their segments must be rewritten to be used again. The clock is moved by hand:
 * a delay lasts for so many messages. Prints one JSON line.
 *
 *   node bench/amplification.ts [--count 3000000] [--delayed 0.01] [--passing 1000000] [--bytes 256] [--dir DIR]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ManualClock } from '../src/core/clock.ts'
import type { Change, CommitResult } from '../src/core/engine.ts'
import { createIds } from '../src/core/id.ts'
import type { Measure } from '../src/core/measure.ts'
import { DEFAULT_PRIORITY, type Message } from '../src/core/message.ts'
import { DEFAULT_QUEUE } from '../src/core/settings.ts'
import { openFileEngine } from '../src/engine/file/engine.ts'
import { round } from './measure.ts'

const QUEUE = 'bench'
const BATCH = 100
/** Calls under way at once. */
const LANES = 8

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '3000000' },
    delayed: { type: 'string', default: '0.01' },
    passing: { type: 'string', default: '1000000' },
    bytes: { type: 'string', default: '256' },
    dir: { type: 'string', default: tmpdir() },
  },
})
const [count, share, passing, bytes] = [values.count, values.delayed, values.passing, values.bytes].map(Number) as [
  number,
  number,
  number,
  number,
]

const folder = mkdtempSync(join(values.dir, 'posthorn-amplification-'))
const clock = new ManualClock(Date.now())
const ids = createIds(clock)
const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(bytes - 11) }))
const engine = await openFileEngine(folder, { clock, ids })
try {
  const settings = { ...DEFAULT_QUEUE, limit: { messages: null, bytes: null } }
  checked(await engine.commit([{ changes: [{ do: 'configure', queue: QUEUE, settings }] }]))
  let sent = 0
  let acked = 0
  const lane = async () => {
    // eslint-disable-next-line no-unmodified-loop-condition -- other lanes send as well
    while (sent < count) {
      const changes = Array.from({ length: BATCH }, () => toSend(sent++))
      clock.advance(1)
      checked(await engine.commit([{ changes }]))
      const done = await ackSome()
      acked += done
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  console.log(
    JSON.stringify({
      bench: 'amplification',
      count,
      delayed: share,
      passing,
      bytes,
      acked,
      ...figures(engine.measure()),
    }),
  )
} finally {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
}

function toSend(n: number): Change {
  const id = ids.uuid()
  const isDelayed = n % Math.round(1 / share) === 0
  const message: Message = {
    id,
    event: { id, source: 'posthorn:', type: 'posthorn.queue.bench', datacontenttype: 'application/json' },
    body,
    priority: DEFAULT_PRIORITY,
    // A millisecond passes with every batch.
    ...(isDelayed && { delay: { afterMs: passing / BATCH } }),
  }
  return { do: 'send', queue: QUEUE, message }
}

async function ackSome(): Promise<number> {
  const wants = [{ queue: QUEUE, max: BATCH + BATCH / 10 }]
  const { deliveries } = await engine.lease({
    id: ids.uuid(),
    worker: 'bench',
    holder: 'process',
    leaseMs: 3_600_000,
    wants,
  })
  checked(await engine.commit([{ changes: deliveries.map(({ token }) => ({ do: 'ack', token })) }]))
  return deliveries.length
}

function checked(results: readonly CommitResult[]): void {
  for (const result of results) if (result.status === 'refused') throw new Error(`refused: ${result.detail}`)
}

function figures(measures: readonly Measure[]): object {
  const value = (name: string, label?: string): number => {
    const found = measures.find(
      (each) => each.name === name && (label === undefined || Object.values(each.labels ?? {})[0] === label),
    )
    return found !== undefined && found.kind !== 'histogram' ? found.value : Number.NaN
  }
  const frames = value('posthorn_log_written_bytes_total', 'frames')
  const rewritten = value('posthorn_log_rewritten_bytes_total')
  const checkpoints = value('posthorn_log_written_bytes_total', 'checkpoints')
  const filling = value('posthorn_log_written_bytes_total', 'filling')
  const first = frames - rewritten
  return {
    bytesEach: round(first / count),
    rewrittenShare: round(rewritten / first),
    checkpointShare: round(checkpoints / first),
    fillingShare: round(filling / first),
    amplification: round((first + rewritten + checkpoints + filling) / first),
    segmentMb: round(value('posthorn_log_bytes', 'used') / 1e6),
  }
}
