/**
 * The same work on Posthorn and on the queues that its users would take instead, in one run: every contestant in turn, round
 * after round, each round in a process of its own. Figures are medians of the rounds; the machine's moods hit all alike.
 */
import { spawn } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { Unavailable, type ContestantName } from '../contestant.ts'
import type { Mode } from '../option.ts'
import { parsePeersOptions, USAGE, type PeersOptions } from './option.ts'
import { RedisServer } from './redis-server.ts'
import { describeMode, toTable, type Round } from './table.ts'

const UNAVAILABLE = 69
const ON_REDIS: readonly ContestantName[] = ['bullmq', 'redis-streams']

const stopped = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort())

if (process.argv.includes('--help')) {
  console.log(USAGE)
} else {
  const options = parsePeersOptions(process.argv.slice(2))
  const redis = await startRedis(options)
  try {
    const ready = await probe(options, redis)
    if (ready.length === 0) throw new Error('there is nothing to measure')
    for (const mode of options.modes) await compare(mode, ready, options, redis)
    console.log(`\nPosthorn runs inside the process that uses it. The peers are client and server on this machine, over loopback.
Posthorn's columns are its figure divided by the peer's: above 1 is better for rates, below 1 for times.
node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim()}, medians of ${options.rounds} rounds in turn`)
  } catch (error) {
    if (!stopped.signal.aborted) throw error
    process.exitCode = 130
  } finally {
    await redis?.stop()
  }
}

async function startRedis({ contestants, dir }: PeersOptions): Promise<RedisServer | null> {
  if (!contestants.some((name) => ON_REDIS.includes(name))) return null
  try {
    return await RedisServer.start(dir)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    return null
  }
}

/** A handful of messages through each, to leave out at the start what is not here. */
async function probe(options: PeersOptions, redis: RedisServer | null): Promise<readonly ContestantName[]> {
  const ready: ContestantName[] = []
  for (const name of options.contestants) {
    const tried = await runRound(
      name,
      'flow',
      { ...options, passed: [...options.passed, '--count', '10', '--warm-up', '0', '--backlog', '0'] },
      redis,
    )
    if (typeof tried === 'string') console.log(`left out: ${name} (${tried})`)
    else ready.push(name)
  }
  return ready
}

async function compare(
  mode: Mode,
  contestants: readonly ContestantName[],
  options: PeersOptions,
  redis: RedisServer | null,
): Promise<void> {
  const rounds: Round[] = []
  for (let round = 1; round <= options.rounds; round++) {
    for (const name of contestants) {
      progress(`${mode}: round ${round} of ${options.rounds}, ${name}`)
      const result = await runRound(name, mode, options, redis)
      if (typeof result === 'string') throw new Error(`${name} is gone: ${result}`)
      rounds.push(result)
      if (options.verbose) console.log(JSON.stringify(result))
    }
  }
  progress('')
  console.log(`\n${describeMode(mode)}\n\n${toTable(mode, rounds)}`)
}

/** What the round printed, or why there is none. */
async function runRound(
  name: ContestantName,
  mode: Mode,
  { dir, passed }: PeersOptions,
  redis: RedisServer | null,
): Promise<Round | string> {
  const port = redis === null ? [] : ['--redis-port', String(redis.port)]
  const args = [
    join(import.meta.dirname, '../main.ts'),
    '--contestant',
    name,
    '--mode',
    mode,
    '--dir',
    dir,
    ...port,
    ...passed,
  ]
  stopped.signal.throwIfAborted()
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  // It clears up after itself first, so its end is waited for.
  const stop = () => void child.kill('SIGTERM')
  stopped.signal.addEventListener('abort', stop)
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [printed, complaints, status] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  stopped.signal.removeEventListener('abort', stop)
  stopped.signal.throwIfAborted()
  if (status === UNAVAILABLE) return complaints.trim()
  if (status !== 0) throw new Error(`${name}, ${mode}: status ${status}\n${complaints}`)
  if (complaints !== '') console.error(complaints.trim())
  return JSON.parse(printed) as Round
}

function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${line}`)
}
