/**
 * The disk's limit, for comparison: the barest group-commit loop that Node allows, and one fdatasync, on the same disk.
 * Preallocated and recycled segments, JSON.stringify per call, one promise per call, one CRC per frame, the sync in a thread
 * of its own. It stores nothing that could be found again: no engine can be faster with the same guarantees.
 */
import { closeSync, fdatasyncSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { crc32 } from 'node:zlib'
import { readCommandLine } from '../test/command-line.ts'
import { percentiles, round } from './measure.ts'

const SEGMENT_BYTES = 64 * 1024 * 1024
const HEADER_BYTES = 8
const SYNCER = `
  const { workerData, parentPort } = require('node:worker_threads')
  const { fdatasyncSync } = require('node:fs')
  const control = new Int32Array(workerData)
  for (let seen = 0; ; ) {
    Atomics.wait(control, 0, seen)
    seen = Atomics.load(control, 0)
    if (seen < 0) break
    fdatasyncSync(control[1])
    parentPort.postMessage(seen)
  }
`

class BareLog {
  readonly #segments: number[] = []
  readonly #arena = Buffer.allocUnsafeSlow(1024 * 1024)
  readonly #control = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker
  #segment = 0
  #position = 0
  #used = HEADER_BYTES
  #waiting: (() => void)[] = []
  #syncing: (() => void)[] | null = null
  #scheduled = false

  constructor(dir: string) {
    for (const name of ['a', 'b']) {
      const fd = openSync(join(dir, name), 'w+')
      const zeros = Buffer.alloc(1024 * 1024)
      for (let at = 0; at < SEGMENT_BYTES; at += zeros.length) writeSync(fd, zeros, 0, zeros.length, at)
      fdatasyncSync(fd)
      this.#segments.push(fd)
    }
    this.#worker = new Worker(SYNCER, { eval: true, workerData: this.#control.buffer })
    this.#worker.on('message', () => this.#synced())
  }

  append(value: unknown): Promise<void> {
    const text = JSON.stringify(value)
    if (this.#used + text.length * 3 > this.#arena.length) throw new Error('a group is larger than the arena')
    this.#used += this.#arena.write(text, this.#used)
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      this.#schedule()
    })
  }

  close(): void {
    Atomics.store(this.#control, 0, -1)
    Atomics.notify(this.#control, 0)
    for (const fd of this.#segments) closeSync(fd)
  }

  #schedule(): void {
    if (this.#scheduled || this.#syncing !== null) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    this.#arena.writeUInt32LE(this.#used - HEADER_BYTES, 0)
    this.#arena.writeUInt32LE(crc32(this.#arena.subarray(HEADER_BYTES, this.#used)), 4)
    if (this.#position + this.#used > SEGMENT_BYTES) {
      this.#segment = 1 - this.#segment
      this.#position = 0
    }
    const fd = this.#segments[this.#segment]!
    writeSync(fd, this.#arena, 0, this.#used, this.#position)
    this.#position += this.#used
    this.#used = HEADER_BYTES
    this.#syncing = this.#waiting
    this.#waiting = []
    this.#control[1] = fd
    Atomics.add(this.#control, 0, 1)
    Atomics.notify(this.#control, 0)
  }

  #synced(): void {
    const done = this.#syncing!
    this.#syncing = null
    for (const resolve of done) resolve()
    if (this.#waiting.length > 0) this.#schedule()
  }
}

async function loop(log: BareLog, callers: number, seconds: number, value: unknown) {
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  let count = 0
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < end) {
        const start = performance.now()
        await log.append(value)
        times.push(performance.now() - start)
        count++
      }
    }),
  )
  return { callers, rate: Math.round(count / seconds), ...percentiles(times) }
}

function oneSync(dir: string): Record<string, number> {
  const fd = openSync(join(dir, 'one'), 'w+')
  const page = Buffer.alloc(4096, 1)
  for (let at = 0; at < 1000; at++) writeSync(fd, page, 0, page.length, at * page.length)
  fdatasyncSync(fd)
  const times: number[] = []
  for (let at = 0; at < 1000; at++) {
    const start = performance.now()
    writeSync(fd, page, 0, page.length, at * page.length)
    fdatasyncSync(fd)
    times.push(performance.now() - start)
  }
  closeSync(fd)
  return percentiles(times)
}

const USAGE = `npm run bench:limit -- [options]
  --dir DIR    where the temporary folder goes (default: the system's)
  --seconds S  of each loop (default 3)
  --bytes B    size of a body (default 256)`
const {
  dir: within = tmpdir(),
  seconds: asked = '3',
  bytes = '256',
} = readCommandLine(USAGE, ['dir', 'seconds', 'bytes'])
mkdirSync(within, { recursive: true })
const dir = mkdtempSync(join(within, 'posthorn-limit-'))
try {
  const seconds = Number(asked)
  const value = { text: 'x'.repeat(Math.max(0, Number(bytes) - '{"text":""}'.length)) }
  const sync = oneSync(dir)
  const log = new BareLog(dir)
  await loop(log, 100, 1, value)
  const hundred = await loop(log, 100, seconds, value)
  const one = await loop(log, 1, seconds, value)
  log.close()
  console.log(
    JSON.stringify({
      bench: 'limit',
      bytes: Number(bytes),
      fdatasyncMs: sync,
      hundred,
      one,
      rssMb: round(process.memoryUsage.rss() / 1e6),
    }),
  )
} finally {
  rmSync(dir, { recursive: true, force: true })
}
