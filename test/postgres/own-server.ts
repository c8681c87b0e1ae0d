// A PostgreSQL of a test's own, from the installed programs, in a temporary folder: to be stopped, killed and started again. As root it
// runs as `nobody`, because the server refuses root.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from './client.ts'

const PROGRAMS = '/usr/lib/postgresql'
const USER = 'postgres'

/** smart: waits for sessions; fast: ends them; immediate: ends as after a crash, so that the next start recovers. */
export type HowToStop = 'fast' | 'immediate'
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const

/** The folder of the newest programs that are installed; null: none are. */
export function installedPrograms(): string | null {
  const versions = existsSync(PROGRAMS) ? readdirSync(PROGRAMS).sort((one, other) => Number(other) - Number(one)) : []
  const folders = versions.map((version) => join(PROGRAMS, version, 'bin'))
  return folders.find((folder) => existsSync(join(folder, 'initdb'))) ?? null
}

export class OwnServer {
  readonly url: string
  readonly #programs: string
  readonly #folder: string
  readonly #port: number
  readonly #as: { readonly uid?: number; readonly gid?: number }
  #child: ChildProcess | null = null

  private constructor(programs: string, folder: string, port: number, as: { uid?: number; gid?: number }) {
    this.#programs = programs
    this.#folder = folder
    this.#port = port
    this.#as = as
    this.url = `postgres://${USER}@127.0.0.1:${port}/postgres`
  }

  /** Made, and not started. `settings`: lines of its postgresql.conf. */
  static async create(programs: string, settings: readonly string[] = []): Promise<OwnServer> {
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-postgres-'))
    const as = process.getuid?.() === 0 ? { uid: idOf('-u'), gid: idOf('-g') } : {}
    if (as.uid !== undefined) chownSync(folder, as.uid, as.gid)
    const cluster = join(folder, 'cluster')
    const flags = ['-D', cluster, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--no-sync']
    execFileSync(join(programs, 'initdb'), flags, { stdio: 'ignore', cwd: folder, ...as })
    appendFileSync(join(cluster, 'postgresql.conf'), ["listen_addresses = '127.0.0.1'", ...settings, ''].join('\n'))
    return new OwnServer(programs, folder, await freePort(), as)
  }

  /** Lines before all others of pg_hba.conf: who may come in, and how. */
  get accessFile(): string {
    return join(this.#folder, 'cluster', 'pg_hba.conf')
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const flags = ['-D', join(this.#folder, 'cluster'), '-p', String(this.#port), '-k', this.#folder]
    const child = spawn(join(this.#programs, 'postgres'), flags, { stdio: 'ignore', cwd: this.#folder, ...this.#as })
    this.#child = child
    while (!(await answers(this.url))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`the server ended with ${child.exitCode} before it answered`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async stop(how: HowToStop = 'fast'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    child.kill(SIGNALS[how])
    await once(child, 'exit')
  }

  async remove(): Promise<void> {
    await this.stop('immediate')
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

export async function answers(url: string): Promise<boolean> {
  try {
    const client = await connect(url)
    await client.end()
    return true
  } catch {
    return false
  }
}

const idOf = (flag: '-u' | '-g'): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { readonly port: number }
      probe.close(() => resolve(port))
    })
  })
}
