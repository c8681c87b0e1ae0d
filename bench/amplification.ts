/**
 * What the file engine writes for each byte that decisions take: first come first served, but for a share of the messages that
 * is delayed until many others have passed, so that their segments must be rewritten to be used again. The clock is moved by hand:
 * a delay lasts for so many messages. Prints one JSON line: `settled` counts from where as many are delayed as ever will be, `whole` from an
 * empty folder, whose segments are all made first. All that is written is in `amplification`, zeros too.
 *
 *   node bench/amplification.ts [--count 5000000] [--delayed 0.01] [--passing 1000000] [--bytes 256] [--dir DIR]
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
    count: { type: 'string', default: '5000000' },
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

/** By then as much is taken out of segments as is put into them. */
const settling = 2 * passing
if (count <= settling) throw new RangeError(`--count is ${count}: it must be more than twice --passing`)

const NOTHING: Written = { messages: 0, frames: 0, rewritten: 0, checkpoints: 0, filling: 0, segmentBytes: 0 }

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
  let settled: Written | null = null
  const lane = async () => {
    // eslint-disable-next-line no-unmodified-loop-condition -- other lanes send as well
    while (sent < count) {
      const changes = Array.from({ length: BATCH }, () => toSend(sent++))
      if (sent >= settling) settled ??= written(engine.measure(), sent)
      clock.advance(1)
      checked(await engine.commit([{ changes }]))
      const done = await ackSome()
      acked += done
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  const end = written(engine.measure(), sent)
  console.log(
    JSON.stringify({
      bench: 'amplification',
      count,
      delayed: share,
      passing,
      bytes,
      acked,
      settled: figures(settled!, end),
      whole: figures(NOTHING, end),
      segmentMb: round(end.segmentBytes / 1e6),
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

/** Bytes so far, and messages. */
interface Written {
  readonly messages: number
  /** Of frames, with those that were rewritten. */
  readonly frames: number
  readonly rewritten: number
  readonly checkpoints: number
  readonly filling: number
  readonly segmentBytes: number
}

function written(measures: readonly Measure[], messages: number): Written {
  const value = (name: string, label?: string): number => {
    const found = measures.find(
      (each) => each.name === name && (label === undefined || Object.values(each.labels ?? {})[0] === label),
    )
    return found !== undefined && found.kind !== 'histogram' ? found.value : Number.NaN
  }
  return {
    messages,
    frames: value('posthorn_log_written_bytes_total', 'frames'),
    rewritten: value('posthorn_log_rewritten_bytes_total'),
    checkpoints: value('posthorn_log_written_bytes_total', 'checkpoints'),
    filling: value('posthorn_log_written_bytes_total', 'filling'),
    segmentBytes: value('posthorn_log_bytes', 'used'),
  }
}

function figures(from: Written, to: Written): object {
  const by = (field: keyof Written): number => to[field] - from[field]
  const first = by('frames') - by('rewritten')
  return {
    messages: by('messages'),
    bytesEach: round(first / by('messages')),
    rewrittenShare: round(by('rewritten') / first),
    checkpointShare: round(by('checkpoints') / first),
    fillingShare: round(by('filling') / first),
    amplification: round((by('frames') + by('checkpoints') + by('filling')) / first),
  }
}
