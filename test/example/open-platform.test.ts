// The main job as `npm start` runs it: to its end, killed in the middle and started again, and stopped by Ctrl-C.

import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { newPlace } from '../copy/place.ts'
import { findPostgres } from '../postgres/server.ts'

const program = join(import.meta.dirname, '../../examples/open-platform/main.ts')
/** Twice as many as there are payloads, so that the rate is not what takes the time. */
const FAST = ['--rate', '1000']

interface Started {
  readonly child: ChildProcess
  readonly output: () => string
  /** Resolves when the output holds the text. */
  says(text: string): Promise<void>
  readonly ended: Promise<number | string>
}

function start(context: TestContext, args: readonly string[]): Started {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  let output = ''
  const waiting = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      for (const look of waiting) look()
    })
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  context.after(async () => {
    child.kill('SIGTERM')
    await ended
  })
  return {
    child,
    output: () => output,
    ended,
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => void (output.includes(text) && resolve())
        waiting.add(look)
        look()
        void ended.then((how) => reject(new Error(`it ended with ${how} and never said '${text}':\n${output}`)))
      }),
  }
}

function newFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-example-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Processes that a process has started, and those they have. */
function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        return [{ pid: Number(name), parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) }]
      } catch {
        return []
      }
    })
  const children = parents.filter(({ parent }) => parent === pid).map((child) => child.pid)
  return [...children, ...children.flatMap(descendants)]
}

const isAlive = (pid: number): boolean =>
  existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

interface Answer {
  readonly items?: readonly { readonly queue: string; readonly failures?: readonly { readonly message: string }[] }[]
  readonly output?: { readonly digests: Readonly<Record<string, { readonly count: number }>> }
}

async function runLine(line: string): Promise<Answer> {
  return JSON.parse((await promisify(execFile)('sh', ['-c', `${line} --silent --fail`])).stdout) as Answer
}

const CHECKS = [
  'sent = done + dead',
  "every stored body's SHA-256 is the sent one",
  'no digest counted twice or left out',
  'every effect took place once',
  'every operation was called back',
]

function checkTable(output: string): void {
  for (const check of CHECKS) ok(output.includes(`✓ ${check}`), `${check}:\n${output}`)
  match(output, /dead: handler-failed, .*poison pill/)
  match(output, /sent 727 +done 726 +dead 1/)
  for (const delay of ['send', 'receive', 'process']) match(output, new RegExp(`${delay} +[\\d.]+ m?s +[\\d.]+ m?s`))
  match(output, /reliability +99\.86 %/)
}

function checkFanOut(output: string): void {
  match(output, /^727 GitHub events were taken in/m)
  for (const [name, count] of [
    ['builds', 130],
    ['board', 140],
    ['audit', 546],
  ])
    match(output, new RegExp(`^  ${name} .* ${count}\\s+${count}\\s+yes `, 'm'))
  ok(output.includes('✓ each app got exactly the events that it asked for'), output)
}

test('it runs to its end, and every check holds', async (context) => {
  const run = start(context, ['--once', ...FAST])
  equal(await run.ended, 0, run.output())
  checkTable(run.output())
  checkFanOut(run.output())
})

const found = await findPostgres()

for (const kind of ['sqlite', 'postgres'] as const) {
  const skip = kind === 'postgres' && typeof found === 'string' && found
  test(`it runs to its end on ${kind}, and every check holds`, { skip }, async (context) => {
    const engine = await newPlace(context, kind, typeof found === 'string' ? '' : found.url)
    const run = start(context, ['--once', '--engine', engine, ...FAST])
    equal(await run.ended, 0, run.output())
    checkTable(run.output())
    checkFanOut(run.output())
  })
}

test(
  'killed in the middle and started again on the same folder, nothing is lost or doubled',
  { skip: process.platform !== 'linux' && 'it looks for processes in /proc' },
  async (context) => {
    const folder = newFolder(context)
    const killed = start(context, ['--once', '--only', 'intake', '--data', folder, '--rate', '250'])
    await killed.says('server ')
    const sent = join(folder, 'sent.jsonl')
    while (!existsSync(sent) || readFileSync(sent, 'utf8').split('\n').length < 200) await new Promise(setImmediate)
    const family = [killed.child.pid ?? 0, ...descendants(killed.child.pid ?? 0)]
    ok(family.length >= 4, `${family.length} processes`)
    for (const pid of family) process.kill(pid, 'SIGKILL')
    equal(await killed.ended, 'SIGKILL')
    while (family.some(isAlive)) await new Promise(setImmediate)

    const again = start(context, ['--once', '--only', 'intake', '--data', folder, ...FAST])
    equal(await again.ended, 0, again.output())
    match(again.output(), /going on with run 1/)
    checkTable(again.output())

    const second = start(context, ['--once', '--only', 'intake', '--data', folder, ...FAST])
    equal(await second.ended, 0, second.output())
    match(second.output(), /run 2/)
    match(second.output(), /sent = done \+ dead +1454 = 1452 \+ 2/)
  },
)

test('a half that was interrupted begins anew, with apps that are there already', async (context) => {
  const engine = `sqlite:${join(newFolder(context), 'platform.db')}`
  const killed = start(context, ['--once', '--only', 'fan-out', '--engine', engine])
  await killed.says('rotates its secret')
  killed.child.kill('SIGKILL')
  await killed.ended
  const again = start(context, ['--once', '--only', 'fan-out', '--engine', engine])
  equal(await again.ended, 0, again.output())
  checkFanOut(again.output())
})

test(
  'it stays up with three curl lines that work, and Ctrl-C ends every process',
  { skip: process.platform !== 'linux' && 'it looks for processes in /proc' },
  async (context) => {
    const taken = createServer().listen(7070, '127.0.0.1')
    // Where somebody else has the default port, that serves as well.
    await Promise.race([once(taken, 'listening'), once(taken, 'error')])
    context.after(() => taken.close())

    const run = start(context, ['--only', 'intake', ...FAST])
    await run.says('Ctrl-C ends it')
    match(run.output(), /port 7070 is taken, so the server uses 70\d\d/)
    const lines = run.output().match(/^ +curl .*$/gm) ?? []
    equal(lines.length, 3)
    const [queues, dead, digests] = await Promise.all(lines.map(runLine))
    ok(queues?.items?.some(({ queue }) => queue === 'task:digest'))
    match(dead?.items?.[0]?.failures?.at(-1)?.message ?? '', /poison pill/)
    ok((digests?.output?.digests['octocat/hello-world']?.count ?? 0) > 0)

    const family = descendants(run.child.pid ?? 0)
    ok(family.length >= 2)
    run.child.kill('SIGINT')
    equal(await run.ended, 0)
    deepEqual(family.filter(isAlive), [])
  },
)

test(
  'a main program that is killed takes its processes with it',
  { skip: process.platform !== 'linux' && 'it looks for processes in /proc' },
  async (context) => {
    const run = start(context, ['--data', newFolder(context), '--rate', '50'])
    await run.says('server ')
    const family = descendants(run.child.pid ?? 0)
    ok(family.length >= 2)
    run.child.kill('SIGKILL')
    await run.ended
    while (family.some(isAlive)) await new Promise(setImmediate)
  },
)
