/** The processes of a server that work for this one alone: what they cost, whoever else is at work there. */
import { readFileSync } from 'node:fs'
import { Client } from './plain-pg.ts'

export class Backends {
  /** For an engine in a schema of its own. */
  readonly url: string
  readonly #client: Client
  readonly #name: string

  private constructor(url: string, client: Client, name: string) {
    this.url = url
    this.#client = client
    this.#name = name
  }

  static async open(server: string, schema: string): Promise<Backends> {
    const client = new Client({ connectionString: server })
    await client.connect()
    const url = new URL(server)
    url.searchParams.set('schema', schema)
    url.searchParams.set('application_name', schema)
    return new Backends(url.href, client, schema)
  }

  /** Since each of them began, as Linux counts it. */
  async cpuUs(): Promise<number> {
    const { rows } = await this.#client.query('select pid from pg_stat_activity where application_name = $1', [
      this.#name,
    ])
    return rows.reduce((sum, { pid }) => sum + ranUs(Number(pid)), 0)
  }

  async drop(schema: string): Promise<void> {
    await this.#client.query(`drop schema if exists ${schema} cascade`)
  }

  async end(): Promise<void> {
    await this.#client.end()
  }
}

function ranUs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ', 1)[0]) / 1_000
}
