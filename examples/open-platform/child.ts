// The processes of the example. Each is in a group of its own, so that Ctrl-C reaches the main program alone, which then ends
// them in order; and each ends by itself when the main program is gone.

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface Child {
  readonly name: string
  readonly pid: number
  /** Resolves with how it ended: its exit code, or the signal. */
  readonly ended: Promise<string>
  onMessage(listener: (message: Readonly<Record<string, unknown>>) => void): void
  /** Asks it to end, and waits until it has. */
  stop(): Promise<void>
}

/** A program of this folder. */
export const startProgram = (name: string, options: Readonly<Record<string, string>>): Child =>
  start(name, [join(import.meta.dirname, `${name}.ts`), ...toArguments(options)])

/** `posthorn serve app.ts`, as a user runs it. Its output is read line by line. */
export const startServer = (options: Readonly<Record<string, string>>): Child =>
  start('server', [
    join(import.meta.dirname, '../../bin/posthorn.js'),
    'serve',
    join(import.meta.dirname, 'app.ts'),
    '--json',
    ...toArguments(options),
  ])

function start(name: string, args: readonly string[]): Child {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], detached: true })
  const listeners = new Set<(message: Readonly<Record<string, unknown>>) => void>()
  const tell = (message: unknown): void =>
    listeners.forEach((listener) => listener(message as Readonly<Record<string, unknown>>))
  child.on('message', tell)
  createInterface({ input: child.stdout! }).on('line', (line) => tell(JSON.parse(line)))
  createInterface({ input: child.stderr! }).on('line', (line) => tell({ complaint: line }))
  return {
    name,
    pid: child.pid ?? 0,
    ended: endOf(child),
    onMessage: (listener) => void listeners.add(listener),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await this.ended
    },
  }
}

async function endOf(child: ChildProcess): Promise<string> {
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
  return String(code ?? signal)
}

const toArguments = (options: Readonly<Record<string, string>>): string[] =>
  Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
