/**
 * A redis-server of its own for a run: on an ephemeral port of loopback, in a temporary folder, with every write synced to
 * disk before it is answered. It is stopped by its process, and its folder removed.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Unavailable } from '../contestant.ts'

export const REDIS_DURABILITY = 'fsync before the answer (appendfsync always)'

export class RedisServer {
  readonly port: number
  readonly #process: ChildProcess
  readonly #folder: string

  private constructor(port: number, process: ChildProcess, folder: string) {
    this.port = port
    this.#process = process
    this.#folder = folder
  }

  /** @throws Unavailable where redis-server is not installed */
  static async start(dir: string): Promise<RedisServer> {
    const port = await freePort()
    const folder = mkdtempSync(join(dir, 'posthorn-bench-redis-'))
    const server = new RedisServer(
      port,
      spawn('redis-server', settings(port, folder), { stdio: ['ignore', 'pipe', 'inherit'] }),
      folder,
    )
    try {
      await server.#ready()
      return server
    } catch (error) {
      await server.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    if (this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit')
      this.#process.kill('SIGKILL')
      await exited
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #ready(): Promise<void> {
    const lines = createInterface(this.#process.stdout!)
    return new Promise((resolve, reject) => {
      const said: string[] = []
      lines.on('line', (line) => {
        if (said.length < 100) said.push(line)
        if (line.includes('Ready to accept connections')) resolve()
      })
      this.#process.once('error', (error) => reject(new Unavailable(`redis-server cannot be run: ${error.message}`)))
      this.#process.once('exit', (code) =>
        reject(new Error(`redis-server ended with status ${code}:\n${said.join('\n')}`)),
      )
    })
  }
}

// No snapshots beside the log: they would only slow it down. All else as redis-server comes.
function settings(port: number, folder: string): string[] {
  const given = {
    port: String(port),
    bind: '127.0.0.1',
    dir: folder,
    appendonly: 'yes',
    appendfsync: 'always',
    save: '',
    daemonize: 'no',
  }
  return Object.entries(given).flatMap(([name, value]) => [`--${name}`, value])
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** The version in what INFO answers. */
export function versionIn(info: string): string {
  return /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'of unknown version'
}
