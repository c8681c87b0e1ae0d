/**
 * One measurement in a process of its own: sets a contestant up, warms it up, runs one mode of work and prints one JSON line.
 * `npm run bench:peers` runs this program for every contestant in turn.
 */
import { pbkdf2 } from 'node:crypto'
import { statfsSync } from 'node:fs'
import { getHeapSpaceStatistics } from 'node:v8'
import { createContestant, Unavailable, type Contestant } from './contestant.ts'
import { percentiles, round } from './measure.ts'
import { Run, type Measured } from './mode.ts'
import { parseOptions, USAGE, type BenchOptions, type Plan } from './option.ts'

/** Exit status for what is not installed or not running. */
const UNAVAILABLE = 69
const TMPFS = 0x01021994

if (process.argv.includes('--help')) {
  console.log(USAGE)
} else {
  process.exitCode = await main()
}

async function main(): Promise<number> {
  const emptyMb = process.memoryUsage.rss() / 1e6
  let contestant: Contestant | null = null
  let ending: Promise<void> | null = null
  const end = () => (ending ??= contestant?.tearDown() ?? Promise.resolve())
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void end().finally(() => process.exit(130)))
  try {
    const options = parseOptions(process.argv.slice(2))
    warnOfMemoryDisk(options)
    contestant = await createContestant(options.contestant, options.contestantOptions)
    console.log(JSON.stringify(await measure(contestant, options, emptyMb)))
    return 0
  } catch (error) {
    const expected =
      error instanceof Unavailable ||
      error instanceof RangeError ||
      (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS')
    console.error(expected ? (error as Error).message : error)
    return error instanceof Unavailable ? UNAVAILABLE : 1
  } finally {
    await end()
  }
}

async function measure(
  contestant: Contestant,
  { plan, contestantOptions }: BenchOptions,
  emptyMb: number,
): Promise<object> {
  await contestant.setUp()
  const run = new Run(contestant, plan)
  await run.fill()
  const filledMb = process.memoryUsage.rss() / 1e6
  const filledYoungMb = youngMb()
  using _ = busyPool(plan.poolJobs)
  const measured = await run.measure()
  return {
    bench: plan.mode,
    contestant: contestant.name,
    version: contestant.version,
    durability: contestant.durability,
    ...(contestant.name === 'posthorn' && { level: contestantOptions.level }),
    ...figures(measured),
    memory: {
      rssMb: measured.observed.rssMb,
      aboveEmptyMb: round(measured.observed.rssMb - emptyMb),
      filledAboveEmptyMb: round(filledMb - emptyMb),
      filledYoungMb: round(filledYoungMb),
    },
    work: described(plan),
    disk: isMemoryDisk(contestantOptions.dir) ? 'tmpfs' : 'disk',
  }
}

/** What V8 has for objects that were made just now. It grows with what callers make at once, and is not given back. */
function youngMb(): number {
  const young = getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space')
  return (young?.physical_space_size ?? 0) / 1e6
}

function figures({ count, elapsedMs, times, observed }: Measured): object {
  const { p50, p99, p999, max } = percentiles(times)
  return {
    rate: Math.round(count / (elapsedMs / 1000)),
    p50,
    p99,
    p999,
    max,
    count,
    elapsedMs: round(elapsedMs),
    cpuUsEach: round((observed.cpuMs * 1000) / count),
    threadCpuUsEach: round((observed.threadCpuMs * 1000) / count),
    loop: observed.loop,
    gc: observed.gc,
  }
}

function described({ mode, senders, handlers, batch, bytes, backlog, rate, poolJobs }: Plan): object {
  return {
    ...(mode === 'latency' ? { rate } : mode !== 'drain' && { senders }),
    ...(mode !== 'send' && { handlers }),
    ...(batch !== null && { batch }),
    bytes,
    backlog,
    ...(poolJobs > 0 && { poolJobs }),
  }
}

/** What an application's own hashing, file reading or name look-ups do to libuv's four threads. */
function busyPool(jobs: number): Disposable {
  let busy = true
  const again = () => {
    if (busy) pbkdf2('password', 'salt', 100_000, 64, 'sha512', again)
  }
  for (let i = 0; i < jobs; i++) again()
  return { [Symbol.dispose]: () => void (busy = false) }
}

function warnOfMemoryDisk({ contestantOptions: { dir } }: BenchOptions): void {
  if (isMemoryDisk(dir))
    console.error(`${dir} is in memory, so that fsync costs nothing there: name a folder on a disk by --dir`)
}

function isMemoryDisk(dir: string): boolean {
  return process.platform === 'linux' && statfsSync(dir).type === TMPFS
}
