/** `posthorn doctor`: what this machine and this engine can do, what the numbers mean, and what to do about what is wrong. */
import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { DEFAULTS, type Defaults } from '../core/default.ts'
import { formatDuration } from '../core/duration.ts'
import { DEFAULT_QUEUE } from '../core/settings.ts'
import { connect, engineUrl, folderOf } from './connect.ts'
import { countOf, formatBytes, formatCount, formatSpan } from './format.ts'
import { measureSync, nearestFolder, type SyncSpeed } from './fsync.ts'
import { listQueues } from './queues.ts'
import { writeJson, type CommonOptions, type Session } from './session.ts'
import { writeFacts } from './table.ts'

type Verdict = 'ok' | 'note' | 'wrong'

interface Check {
  readonly name: string
  readonly verdict: Verdict
  readonly found: string
  /** What it means, or what to do. */
  readonly meaning: string
}

const NEEDED_NODE = 24
const SLOW_SYNC_MS = 5
const LITTLE_SPACE_BYTES = 1024 ** 3
const FEW_FILES = 4096

export function addDoctor(program: Command, session: Session): void {
  program
    .command('doctor')
    .description('check Node, the engine, the disk and the limits; print the defaults')
    .action((_options: unknown, command: Command) => doctor(session, command.optsWithGlobals()))
}

async function doctor(session: Session, options: CommonOptions): Promise<void> {
  const folder = folderOf(engineUrl(session, options), session.cwd)
  const checks = [
    checkNode(),
    await checkEngine(session, options),
    ...(folder === null ? [] : checkDisk(session, folder)),
    checkFiles(),
  ]
  const { terminal } = session
  if (checks.some(({ verdict }) => verdict === 'wrong')) session.exit = 'failed'
  if (options.json) return writeJson(session, { checks, defaults: { ...DEFAULTS, queue: DEFAULT_QUEUE } })
  const marks = {
    ok: terminal.style('green', '✓'),
    note: terminal.style('yellow', '!'),
    wrong: terminal.style('red', '✗'),
  }
  const widest = Math.max(...checks.map(({ name }) => name.length))
  for (const { name, verdict, found, meaning } of checks) {
    terminal.out(`${marks[verdict]} ${name.padEnd(widest)}  ${found}`)
    if (meaning !== '') terminal.out(terminal.style('dim', `${' '.repeat(widest + 4)}${meaning}`))
  }
  terminal.out(`\n${terminal.style('bold', 'Defaults')}`)
  writeFacts(terminal, defaultFacts(DEFAULTS))
}

function checkNode(): Check {
  const major = Number.parseInt(process.versions.node, 10)
  const found = `${process.versions.node}, ${process.platform} ${process.arch}`
  return major >= NEEDED_NODE
    ? { name: 'Node', verdict: 'ok', found, meaning: '' }
    : {
        name: 'Node',
        verdict: 'wrong',
        found,
        meaning: `Posthorn needs Node ${NEEDED_NODE} or later: https://nodejs.org`,
      }
}

async function checkEngine(session: Session, options: CommonOptions): Promise<Check> {
  const url = engineUrl(session, options)
  const folder = folderOf(url, session.cwd)
  if (folder !== null && !existsSync(folder))
    return {
      name: 'Engine',
      verdict: 'ok',
      found: `${url}, not begun yet`,
      meaning: 'The first `posthorn serve` or `posthorn send` makes it.',
    }
  if (url === 'memory:')
    return {
      name: 'Engine',
      verdict: 'note',
      found: url,
      meaning: 'Nothing outlives the process. For anything to keep: --engine file:./data',
    }
  try {
    await using exchange = await connect(session, options)
    const queues = await listQueues(exchange)
    const sum = (of: (queue: (typeof queues)[number]) => number): string =>
      formatCount(queues.reduce((total, queue) => total + of(queue), 0))
    const found = `${exchange.where}: ${countOf(queues.length, 'queue')}, ${sum(({ ready, arrived, held, delayed }) => ready + arrived + held + delayed)} waiting, ${sum(({ dead }) => dead)} dead`
    return { name: 'Engine', verdict: 'ok', found, meaning: '' }
  } catch (error) {
    return { name: 'Engine', verdict: 'wrong', found: `${url} cannot be used`, meaning: (error as Error).message }
  }
}

function checkDisk(session: Session, folder: string): readonly Check[] {
  const place = nearestFolder(folder, existsSync)
  let speed: SyncSpeed
  try {
    speed = measureSync(place, session.clock)
  } catch (error) {
    return [{ name: 'Disk', verdict: 'wrong', found: `${place} cannot be written`, meaning: (error as Error).message }]
  }
  const { p50Ms, p99Ms, freeBytes } = speed
  return [
    {
      name: 'Disk',
      verdict: p50Ms > SLOW_SYNC_MS ? 'note' : 'ok',
      found: `fdatasync p50 ${formatSpan(p50Ms)}, p99 ${formatSpan(p99Ms)} in ${place}`,
      meaning: `A send waits for one such sync: about ${formatCount(Math.round(1000 / p50Ms))} a second one after another. Those that come at once share one.`,
    },
    {
      name: 'Space',
      verdict: freeBytes < LITTLE_SPACE_BYTES ? 'note' : 'ok',
      found: `${formatBytes(freeBytes)} free`,
      meaning:
        freeBytes < LITTLE_SPACE_BYTES
          ? 'A full disk refuses sends (`disk-full`) and loses nothing; make room before that.'
          : '',
    },
  ]
}

function checkFiles(): Check {
  const report = process.report?.getReport() as
    | { readonly userLimits?: { readonly open_files?: { readonly soft: number | string } } }
    | undefined
  const files = report?.userLimits?.open_files?.soft ?? 'unknown'
  const few = typeof files === 'number' && files < FEW_FILES
  return {
    name: 'Open files',
    verdict: few ? 'note' : 'ok',
    found: `${files} at most`,
    meaning: few ? `Every connection takes one: raise it (ulimit -n ${FEW_FILES}) for a busy server.` : '',
  }
}

function defaultFacts(defaults: Defaults): readonly (readonly [string, string])[] {
  const { limit, maxLapses, dedupeWindowMs, keep } = DEFAULT_QUEUE
  return [
    ['lease', `${formatDuration(defaults.leaseMs)}, extended at a third while the handler runs`],
    ['attempts', `${defaults.attempts} failed runs at most, then a dead letter`],
    [
      'backoff',
      `exponential from ${formatDuration(defaults.backoffBaseMs)} to ${formatDuration(defaults.backoffCapMs)}, full jitter`,
    ],
    ['vanished holders', `${maxLapses} times at most, then a dead letter ('lapsed')`],
    ['time of a run', 'no limit unless the contract has a timeout'],
    ['concurrency', `${defaults.concurrency} runs at once for each handler`],
    ['stop', `what runs may run on for ${formatDuration(defaults.graceMs)}, then it is given back uncounted`],
    ['result()', `waits ${formatDuration(defaults.resultWaitMs)}`],
    ['dedupe', `${formatDuration(dedupeWindowMs)} from the first send`],
    ['operations', `kept for ${formatDuration(defaults.operationKeptMs)} after their end`],
    [
      'ended messages',
      `kept for ${formatDuration(keep.endedMs)}, ${formatCount(keep.endedCount)} a queue at most; acked ones are not`,
    ],
    ['dead letters', `kept until somebody acts, ${formatCount(keep.deadCount)} a queue at most`],
    ['queue', `${formatCount(limit.messages ?? 0)} messages at most, then sends are refused ('full')`],
    ['body', `${formatBytes(defaults.maxBodyBytes)} at most`],
  ]
}
