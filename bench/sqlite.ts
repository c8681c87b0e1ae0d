/**
 * Posthorn's SQLite engine beside plainjob, on one disk in one run: in turn, round after round, each in a process of its own. Figures are medians of
 * the rounds; the machine's moods hit both alike.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { Contestant } from './contestant.ts'
import { median, percentiles } from './measure.ts'
import { Run } from './mode.ts'
import { MODES, number, oneOf, type Mode, type Plan } from './option.ts'
import { PlainJob } from './sqlite-plainjob.ts'

const USAGE = `npm run bench:sqlite -- [options]
  --mode MODE     ${MODES.join(' | ')}; may be given several times (default: send, drain, latency)
  --rounds N      of each (default 3)
  --seconds S     of a round (default 3)
  --level LEVEL   Posthorn through its api or its engine's contract (default api)
  --dir DIR       where the databases go (default: the system's folder for temporary files)`

const NAMES = ['posthorn', 'plainjob'] as const
type Name = (typeof NAMES)[number]

interface Round {
  readonly rate: number
  readonly p50: number
  readonly p99: number
  readonly cpuMicros: number
}

const { values } = parseArgs({
  options: {
    mode: { type: 'string', multiple: true },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    level: { type: 'string', default: 'api' },
    dir: { type: 'string', default: tmpdir() },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const level = oneOf('level', ['api', 'engine'], values.level)
const seconds = number('seconds', values.seconds, 0.1)
const modes = (values.mode ?? ['send', 'drain', 'latency']).map((mode) => oneOf('mode', MODES, mode))

if (values.help) console.log(USAGE)
else if (values.only !== undefined)
  console.log(JSON.stringify(await measure(oneOf('only', NAMES, values.only), modes[0]!)))
else for (const mode of modes) await compare(mode)

async function compare(mode: Mode): Promise<void> {
  const rounds: Record<Name, Round[]> = { posthorn: [], plainjob: [] }
  for (let round = 0; round < number('rounds', values.rounds, 1); round++)
    for (const name of NAMES) rounds[name].push(await inProcess(name, mode))
  const [own, other] = NAMES.map((name) => medianOf(rounds[name])) as [Round, Round]
  console.log(
    `\n${describe(mode)}, synchronous = full, ${level === 'api' ? "Posthorn's API" : "the engine's contract"}`,
  )
  for (const [name, of] of [
    ['posthorn', own],
    ['plainjob', other],
  ] as const)
    console.log(`  ${name.padEnd(10)}${line(mode, of)}`)
  const times = mode === 'drain' ? '' : `, p50 ${(own.p50 / other.p50).toFixed(2)}x`
  console.log(`  posthorn / plainjob: rate ${(own.rate / other.rate).toFixed(1)}x${times}`)
  if (mode === modes.at(-1))
    console.log(`\nnode ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}`)
}

function medianOf(rounds: readonly Round[]): Round {
  const of = (field: keyof Round): number => median(rounds.map((round) => round[field]))
  return { rate: of('rate'), p50: of('p50'), p99: of('p99'), cpuMicros: of('cpuMicros') }
}

function describe(mode: Mode): string {
  if (mode === 'send') return 'send, 100 callers that each wait'
  return mode === 'latency' ? 'send to start of the handler, 500 a second' : mode
}

function line(mode: Mode, { rate, p50, p99, cpuMicros }: Round): string {
  const times = mode === 'drain' ? '' : `  p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`
  return `${String(Math.round(rate)).padStart(8)}/s${times}  ${cpuMicros.toFixed(1)} us of CPU each`
}

async function inProcess(name: Name, mode: Mode): Promise<Round> {
  const args = ['--only', name, '--mode', mode, '--seconds', values.seconds, '--level', level, '--dir', values.dir]
  const child = spawn(process.execPath, [import.meta.filename, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  if (code !== 0) throw new Error(`${name} failed`)
  return JSON.parse(out) as Round
}

async function measure(name: Name, mode: Mode): Promise<Round> {
  const folder = mkdtempSync(join(values.dir, 'posthorn-bench-sqlite-'))
  try {
    const contestant = await create(name, folder)
    await contestant.setUp()
    const run = new Run(contestant, planOf(name, mode))
    await run.fill()
    const { count, elapsedMs, times, observed } = await run.measure()
    await contestant.tearDown()
    const { p50, p99 } = percentiles(times)
    return { rate: (count * 1_000) / elapsedMs, p50, p99, cpuMicros: (observed.cpuMs * 1_000) / count }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function create(name: Name, folder: string): Promise<Contestant> {
  if (name === 'plainjob') return new PlainJob(folder)
  const options = { engine: `sqlite:${join(folder, 'posthorn.db')}`, level, dir: folder, redisPort: null }
  if (level === 'engine') return new (await import('./posthorn-engine.ts')).PosthornEngine(options)
  return new (await import('./posthorn.ts')).Posthorn(options)
}

/** plainjob is filled one by one, so it is given as much to drain as it does in the time. */
function planOf(name: Name, mode: Mode): Plan {
  const perSecond = name === 'plainjob' ? 10_000 : 100_000
  return {
    mode,
    count: mode === 'drain' ? Math.ceil(seconds * perSecond) : 5_000_000,
    seconds,
    senders: 100,
    handlers: 200,
    batch: null,
    bytes: 256,
    backlog: 0,
    rate: 500,
    warmUpSeconds: Math.min(1, seconds / 3),
    poolJobs: 0,
  }
}
