// The server under fire: `posthorn serve` on one folder and port, killed and started again.

import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

const bin = join(import.meta.dirname, '../../bin/posthorn.js')
const handlers = join(import.meta.dirname, 'handlers.ts')

export class Server {
  readonly url: string
  readonly #args: readonly string[]
  #child: ChildProcess | null = null
  #complaints: string[] = []

  constructor(engine: string, port: number) {
    this.url = `http://127.0.0.1:${port}`
    this.#args = [bin, 'serve', handlers, '--engine', engine, '--port', String(port), '--json', '--grace', '5s']
  }

  /** Starts it; resolves when it listens. @throws where it ends before that, with what it wrote */
  async start(): Promise<void> {
    const child = this.spawn()
    const lines = createInterface({ input: child.stdout })
    const listening = new Promise<void>((resolve) =>
      lines.on('line', (line) => (JSON.parse(line) as { event?: string }).event === 'listening' && resolve()),
    )
    await Promise.race([listening, this.#failIfEnded(child)])
  }

  async #failIfEnded(child: ChildProcess): Promise<void> {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
    if (signal === 'SIGKILL') return
    throw new Error(`the server ended with ${code ?? signal} before it listened:\n${this.#complaints.join('\n')}`)
  }

  /** Starts it and does not wait: to be killed while it starts. */
  spawn(): ChildProcessByStdio<null, Readable, Readable> {
    const child = spawn(process.execPath, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.#complaints = []
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.#complaints.push(line)
      if (this.#complaints.length > 50) this.#complaints.shift()
    })
    return child
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the server had ended by itself:\n${this.#complaints.join('\n')}`)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Stops it as an operator does. @throws where its exit code is not 0 */
  async stop(): Promise<void> {
    const child = this.#child
    if (child === null) return
    child.kill('SIGTERM')
    const [code, signal] =
      child.exitCode === null ? ((await once(child, 'exit')) as [number | null, string | null]) : [child.exitCode, null]
    if (code !== 0)
      throw new Error(`the server ended with ${code ?? signal} after SIGTERM:\n${this.#complaints.join('\n')}`)
  }

  /** Ends whatever is there, for a test that failed. */
  abandon(): void {
    this.#child?.kill('SIGKILL')
  }
}
