/** The options of a measurement: parsed once, checked, frozen. */
import { tmpdir } from 'node:os'
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'
import { CONTESTANTS, type ContestantName, type ContestantOptions } from './contestant.ts'

export const MODES = ['send', 'drain', 'flow', 'latency'] as const
export type Mode = (typeof MODES)[number]

export interface Plan {
  readonly mode: Mode
  /** The run ends with whichever comes first of `count` and `seconds`. */
  readonly count: number
  readonly seconds: number
  /** Senders that each wait for their answer before they send again. */
  readonly senders: number
  /** Handlers at once. */
  readonly handlers: number
  /** Sends per commit; at `--level engine` also messages per lease. */
  readonly batch: number | null
  readonly bytes: number
  /** Messages that wait already when the run begins. */
  readonly backlog: number
  /** They, and those that are drained, are sent so many at a time (default 1). */
  readonly fillBatch?: number | undefined
  /** Sends a second, for latency. */
  readonly rate: number
  /** Seconds of the same work before the clock starts (drain: a tenth of the count). */
  readonly warmUpSeconds: number
  /** Jobs of an application that keep libuv's thread pool busy meanwhile. */
  readonly poolJobs: number
}

export interface BenchOptions {
  readonly contestant: ContestantName
  readonly contestantOptions: ContestantOptions
  readonly plan: Plan
}

export const USAGE = `npm run bench -- --mode send|drain|flow|latency [options]
  --contestant NAME   ${CONTESTANTS.join(' | ')} (default posthorn)
  --engine URL        file:DIR | memory: | sqlite:FILE (default: a file engine in a temporary folder)
  --level LEVEL       api: through open(), send and work · engine: through the engine's contract (default api)
  --count N           messages at most (default 500000, drain 200000)
  --seconds S         time at most (default 5, latency 10)
  --concurrency C     senders (send, flow: default 100) or handlers (drain: default 200)
  --handlers H        handlers at once (flow, latency: default 200)
  --batch B           sends per commit; with --level engine also messages per lease (default 1 and 100)
  --bytes B           size of a body (default 256)
  --backlog N         messages that wait already (default 0)
  --rate R            sends a second for latency (default 500)
  --warm-up S         seconds of the same work before the clock starts, sends by 100 senders or more (default 1)
  --pool-jobs N       jobs that keep libuv's thread pool busy meanwhile (default 0)
  --dir DIR           where temporary folders go (default: the system's)
  --redis-port PORT   a redis-server that runs already`

const OPTIONS = {
  'contestant': { type: 'string', default: 'posthorn' },
  'engine': { type: 'string' },
  'level': { type: 'string', default: 'api' },
  'mode': { type: 'string', default: 'send' },
  'count': { type: 'string' },
  'seconds': { type: 'string' },
  'concurrency': { type: 'string' },
  'handlers': { type: 'string', default: '200' },
  'batch': { type: 'string' },
  'bytes': { type: 'string', default: '256' },
  'backlog': { type: 'string', default: '0' },
  'rate': { type: 'string', default: '500' },
  'warm-up': { type: 'string', default: '1' },
  'pool-jobs': { type: 'string', default: '0' },
  'dir': { type: 'string', default: tmpdir() },
  'redis-port': { type: 'string' },
} as const satisfies ParseArgsOptionsConfig

export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true })
  const mode = oneOf('mode', MODES, values.mode)
  const concurrency = values.concurrency === undefined ? null : number('concurrency', values.concurrency, 1)
  return {
    contestant: oneOf('contestant', CONTESTANTS, values.contestant),
    contestantOptions: {
      engine: values.engine ?? null,
      level: oneOf('level', ['api', 'engine'], values.level),
      dir: values.dir,
      redisPort: values['redis-port'] === undefined ? null : number('redis-port', values['redis-port'], 1),
    },
    plan: {
      mode,
      count: number('count', values.count ?? (mode === 'drain' ? '200000' : '500000'), 1),
      seconds: number('seconds', values.seconds ?? (mode === 'latency' ? '10' : '5'), 0.001),
      senders: mode === 'drain' ? 100 : (concurrency ?? 100),
      handlers: mode === 'drain' ? (concurrency ?? 200) : number('handlers', values.handlers, 1),
      batch: values.batch === undefined ? null : number('batch', values.batch, 1),
      bytes: number('bytes', values.bytes, 32),
      backlog: number('backlog', values.backlog, 0),
      rate: number('rate', values.rate, 1),
      warmUpSeconds: number('warm-up', values['warm-up'], 0),
      poolJobs: number('pool-jobs', values['pool-jobs'], 0),
    },
  }
}

export function oneOf<const T extends string>(name: string, allowed: readonly T[], text: string): T {
  const found = allowed.find((each) => each === text)
  if (found === undefined) throw new RangeError(`--${name} is '${text}': it must be one of ${allowed.join(', ')}`)
  return found
}

export function number(name: string, text: string, least: number): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < least)
    throw new RangeError(`--${name} is '${text}': it must be a number of at least ${least}`)
  return value
}
