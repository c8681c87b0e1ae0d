/** The server that all are measured on: what it promises, and what a round cost it. */
import { readFileSync } from 'node:fs'
import { Client } from './plain-pg.ts'

const SETTINGS = ['server_version', 'fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size', 'autovacuum']
/** Of the kernel's clock for processor times. */
const TICKS_PER_SECOND = 100
const LOCAL = new Set(['127.0.0.1', 'localhost', '[::1]'])

export interface Cost {
  /** null where the server is not on this machine. */
  readonly cpuMs: number | null
  readonly walBytes: number
  readonly deadlocks: number
}

export class Server {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  async describe(): Promise<string> {
    const rows = await this.#ask('select name, current_setting(name) as value from pg_settings where name = any ($1)', [
      SETTINGS,
    ])
    const values = new Map(rows.map(({ name, value }) => [name, value]))
    return SETTINGS.map((name) => `${name} ${String(values.get(name))}`).join(', ')
  }

  /** Beginning with a checkpoint, so that nobody pays for whoever came before. */
  async checkpoint(): Promise<void> {
    await this.#ask('checkpoint')
  }

  async drop(schema: string): Promise<void> {
    await this.#ask(`drop schema if exists ${schema} cascade`)
  }

  /** Since the server was started. */
  spent(): Promise<Cost> {
    const isLocal = LOCAL.has(new URL(this.#url).hostname) && process.platform === 'linux'
    return this.#connected(async (client) => {
      const { rows } = await client.query(
        `select pg_backend_pid() as pid, pg_current_wal_insert_lsn() - '0/0' as wal,
          (select deadlocks from pg_stat_database where datname = current_database()) as deadlocks`,
      )
      const { pid, wal, deadlocks } = rows[0]!
      const cpuMs = isLocal ? cpuMsOf(Number(pid)) : null
      return { cpuMs, walBytes: Number(wal), deadlocks: Number(deadlocks) }
    })
  }

  async #ask(text: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> {
    return (await this.#connected((client) => client.query(text, values))).rows
  }

  async #connected<T>(use: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({ connectionString: this.#url })
    await client.connect()
    try {
      return await use(client)
    } finally {
      await client.end()
    }
  }
}

export function since(before: Cost, after: Cost): Cost {
  return {
    cpuMs: before.cpuMs === null || after.cpuMs === null ? null : after.cpuMs - before.cpuMs,
    walBytes: after.walBytes - before.walBytes,
    deadlocks: after.deadlocks - before.deadlocks,
  }
}

/** Of the server that one of its processes belongs to: those that live, and those that have ended. null: it cannot be read. */
function cpuMsOf(backend: number): number | null {
  try {
    const parent = Number(statOf(backend)[1])
    const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ')
    const ended = statOf(parent).slice(11, 15)
    const living = children.flatMap((pid) => {
      try {
        return statOf(Number(pid)).slice(11, 13)
      } catch {
        return []
      }
    })
    return ([...ended, ...living].reduce((sum, ticks) => sum + Number(ticks), 0) * 1_000) / TICKS_PER_SECOND
  } catch {
    return null
  }
}

/** The fields behind the process's name, which may hold anything. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}
