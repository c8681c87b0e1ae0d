// The main job: `npm start`. A platform takes in webhooks over HTTP, does durable work on each and calls back when it is done.
// Three processes: `posthorn serve app.ts` on an engine, a replayer that plays GitHub, a receiver of the callbacks. Then the other
// half, in this process: the same webhooks as events for three third-party apps.

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { browse, getDepth, unfinished } from './api.ts'
import { checkAll } from './check.ts'
import { fanOut } from './fan-out/fan-out.ts'
import { parseOptions } from './option.ts'
import { loadDeliveries } from './payload.ts'
import { Platform } from './platform.ts'
import { ProgressLine, type Progress } from './progress.ts'
import { formatReport } from './report.ts'
import {
  openRunFolder,
  readLines,
  readState,
  writeState,
  type Received,
  type RunState,
  type Sent,
} from './run-folder.ts'

/** Nothing moved for so long: the checks then say what is missing. */
const STALLED_MS = 45_000

const options = parseOptions()
const folder = openRunFolder(options.data, options.engine)
const platform = new Platform(folder)
const interrupted = new AbortController()
// npm passes Ctrl-C on, although the terminal sent it already: more than one of it means the same.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupted.abort())

try {
  process.exitCode = await main(interrupted.signal)
} catch (error) {
  process.exitCode = interrupted.signal.aborted ? 130 : 1
  if (interrupted.signal.aborted) sayInterrupted()
  else console.error(`\n${styleText('red', 'failed:')} ${(error as Error).message}`)
} finally {
  await platform.stop()
  if (folder.isNew) rmSync(folder.path, { recursive: true, force: true })
}

/** @returns the exit code */
async function main(signal: AbortSignal): Promise<number> {
  const intakeHolds = options.only === 'fan-out' || (await takeIn(signal))
  const fanOutHolds = options.only === 'intake' || (await fanOut(fanOutEngine(), signal))
  if (!options.once && options.only !== 'fan-out') await stayUp(signal)
  return intakeHolds && fanOutHolds ? 0 : 1
}

/** A folder of the file engine is one process's, and the server has that of the first half. */
function fanOutEngine(): string {
  const isShared = options.engine?.startsWith('file:') === false
  return isShared ? options.engine : `file:${join(folder.path, 'fan-out')}`
}

/** @returns whether every check holds */
async function takeIn(signal: AbortSignal): Promise<boolean> {
  const before = readState(folder)
  const run = before === null ? 1 : before.run + (before.complete ? 1 : 0)
  const receiverPort = await platform.startReceiver(before?.receiverPort)
  const state: RunState = { run, complete: false, receiverPort }
  writeState(folder, state)
  await platform.startServer(options.port)
  sayBeginning(run, before !== null && !before.complete)

  await replay(run, signal)
  const checks = await finish(run)
  writeState(folder, { ...state, complete: true })
  return checks.every(({ holds }) => holds)
}

function dim(text: string): string {
  return styleText('dim', text)
}

function sayBeginning(run: number, goesOn: boolean): void {
  const count = loadDeliveries(run).length - 1
  const where = folder.isNew
    ? dim('new, removed at the end; keep one with --data DIR')
    : dim(goesOn ? `going on with run ${run}` : `run ${run}`)
  console.log(`
${styleText('bold', 'Posthorn: an open platform')}

  server     ${platform.serverUrl}   ${dim(`posthorn serve app.ts, engine ${folder.engineUrl.split(':', 1)[0]}`)}
  receiver   ${platform.receiverUrl}  ${dim('takes the completion callbacks')}
  data       ${folder.path}  ${where}
  input      ${count} GitHub webhooks and 1 poison payload${dim(`, ${options.rate} a second`)}
`)
}

function sayInterrupted(): void {
  console.log(`\n\n  stopped${folder.isNew ? '' : `; npm start -- --data ${options.data} goes on from here`}\n`)
}

/** Sends everything, and shows how it goes, until all of it has ended and was called back. */
async function replay(run: number, signal: AbortSignal): Promise<void> {
  const replayer = platform.startReplayer(run, options.rate)
  const line = new ProgressLine()
  const movement = { last: '', atMs: performance.now() }
  let progress: Progress
  do {
    await sleep(100, undefined, { signal })
    progress = await readProgress(replayer)
    line.show(progress)
    if (JSON.stringify(progress) !== movement.last)
      Object.assign(movement, { last: JSON.stringify(progress), atMs: performance.now() })
  } while (!(replayer.over && isSettled(progress)) && performance.now() - movement.atMs < STALLED_MS)
  line.end(progress)
  if (replayer.complaints.length > 0) throw new Error(`the replayer: ${replayer.complaints.slice(0, 5).join('\n')}`)
}

async function readProgress({
  sent,
  total,
}: {
  readonly sent: ReadonlySet<string>
  readonly total: number
}): Promise<Progress> {
  const [digest, tally] = await Promise.all([
    getDepth(platform.serverUrl, 'task:digest'),
    getDepth(platform.serverUrl, 'task:tally'),
  ])
  const waiting = unfinished(digest) + unfinished(tally)
  return {
    sent: sent.size,
    total,
    done: digest.ended.acked,
    dead: digest.dead,
    waiting,
    calledBack: platform.calledBack.size,
  }
}

function isSettled({ sent, done, dead, waiting, calledBack }: Progress): boolean {
  return waiting === 0 && calledBack >= sent && done + dead >= sent
}

async function finish(run: number): ReturnType<typeof checkAll> {
  const sent = readLines<Sent>(folder.sentFile)
  const received = readLines<Received>(folder.receivedFile)
  const checks = await checkAll(platform.serverUrl, run, sent, received)
  const dead = []
  for await (const { reason, failures } of browse(platform.serverUrl, 'task:digest', 'dead'))
    dead.push({ reason: reason ?? '', failure: failures.at(-1)?.message ?? '' })
  console.log(formatReport({ sent: sent.filter((one) => one.run === run), received, dead, checks, rate: options.rate }))
  return checks
}

async function stayUp(signal: AbortSignal): Promise<void> {
  const server = platform.serverUrl
  console.log(`  The server stays up. Try:

    curl '${server}/v1/queues'
    curl '${server}/v1/queues/task:digest/messages?state=dead'
    curl '${server}/v1/tasks/digests' -H 'Prefer: wait=5' -H 'Content-Type: application/json' -d '{"repositories":["octocat/hello-world"]}'

  ${styleText('dim', 'Ctrl-C ends it.')}
`)
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  console.log('\n')
}
