// Runs `posthorn` as a user does: the bin as a child process, its output and exit code read back.

import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

const bin = join(import.meta.dirname, '../../bin/posthorn.js')

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface RunOptions {
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Files of the process cannot grow beyond this: a disk that fails. */
  readonly mostFileKib?: number
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const child = start(args, options)
  child.stdin.end(options.input ?? '')
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, out, err }
}

export interface Running {
  readonly pid: number
  /** The first event of this name that it prints (it runs with --json). Rejects where it ends before that. */
  event(name: string): Promise<Readonly<Record<string, unknown>>>
  /** The first line of which this holds. */
  line(which: (line: Readonly<Record<string, unknown>>) => boolean): Promise<Readonly<Record<string, unknown>>>
  kill(signal: NodeJS.Signals): void
  /** How it ended: an exit code, or the name of the signal. */
  readonly ended: Promise<number | string>
  readonly errors: readonly string[]
}

/** Starts `serve` or `work`, which go on until they are stopped. */
export function runOn(args: readonly string[], options: RunOptions = {}): Running {
  const child = start([...args, '--json'], options)
  const events: Record<string, unknown>[] = []
  const errors: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    events.push(JSON.parse(line) as Record<string, unknown>)
    for (const look of waiting) look()
  })
  createInterface({ input: child.stderr }).on('line', (line) => errors.push(line))
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string)
  const line: Running['line'] = (which) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = events.find(which)
        if (found === undefined) return
        waiting.delete(look)
        resolve(found)
      }
      waiting.add(look)
      look()
      void ended.then((how) => reject(new Error(`posthorn ${args.join(' ')} ended with ${how}: ${errors.join('\n')}`)))
    })
  return {
    pid: child.pid ?? 0,
    errors,
    ended,
    kill: (signal) => void child.kill(signal),
    line,
    event: (name) => line((printed) => printed['event'] === name),
  }
}

/** What a command printed with --json: everything that any of the tests looks at. */
export interface Printed {
  readonly id: string
  readonly code: string
  readonly title: string
  readonly status: number
  readonly duplicate: boolean
  readonly state: string
  readonly failed: number
  readonly released: number
  readonly items: readonly {
    readonly queue: string
    readonly ready: number
    readonly delayed: number
    readonly ended: { readonly acked: number }
  }[]
  readonly checks: readonly { readonly name: string }[]
  readonly defaults: { readonly attempts: number }
}

export const parse = (text: string): Printed => JSON.parse(text) as Printed

/** A folder that goes when the test is over. */
export function newFolder(context: { after(end: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-cli-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function start(
  args: readonly string[],
  { env = {}, cwd, mostFileKib }: RunOptions,
): ChildProcessByStdio<Writable, Readable, Readable> {
  const { POSTHORN_URL: _url, POSTHORN_KEY: _key, ...inherited } = process.env
  const command = [process.execPath, bin, ...args]
  const [program, ...rest] =
    mostFileKib === undefined ? command : ['sh', '-c', `ulimit -f ${mostFileKib * 2}; exec "$@"`, 'sh', ...command]
  return spawn(program!, rest, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...inherited, NO_COLOR: '1', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  })
}
