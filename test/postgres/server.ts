// Finds a PostgreSQL for tests: the URL in POSTHORN_TEST_POSTGRES, else the standard port here, else an installed program that is
// started in a temporary folder; else there is none, and the reason says so.

import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

export interface TestServer {
  readonly url: string
  /** Ends it, where it was started for the test. */
  stop(): Promise<void>
}

const STANDARD = 'postgres://postgres@127.0.0.1:5432/test'
const PROGRAMS = '/usr/lib/postgresql'

interface Client {
  connect(): Promise<unknown>
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly Record<string, unknown>[] }>
  end(): Promise<void>
}

export async function connect(url: string): Promise<Client> {
  const { Client } = pg as {
    readonly Client: new (config: object) => Client & { on(event: string, listener: () => void): void }
  }
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** @returns why there is none, as a text that begins with the engine's name. Where one is required, that is a failure. */
export async function findPostgres(): Promise<TestServer | string> {
  const given = process.env['POSTHORN_TEST_POSTGRES']
  const found = given === undefined ? ((await answers(STANDARD)) ? at(STANDARD) : await start()) : at(given)
  const isRequired = (process.env['POSTHORN_TEST_REQUIRE'] ?? '').split(',').includes('postgres')
  if (typeof found === 'string' && isRequired)
    throw new Error(`POSTHORN_TEST_REQUIRE names postgres, but there is none. ${found}`)
  return found
}

const at = (url: string): TestServer => ({ url, stop: () => Promise.resolve() })

async function answers(url: string): Promise<boolean> {
  try {
    const client = await connect(url)
    await client.end()
    return true
  } catch {
    return false
  }
}

async function start(): Promise<TestServer | string> {
  const versions = existsSync(PROGRAMS) ? readdirSync(PROGRAMS).sort((one, other) => Number(other) - Number(one)) : []
  const programs = versions
    .map((version) => join(PROGRAMS, version, 'bin'))
    .find((folder) => existsSync(join(folder, 'initdb')))
  if (programs === undefined) return 'postgres: nobody answers at 127.0.0.1:5432, and none is installed'
  if (process.getuid?.() === 0) return 'postgres: nobody answers at 127.0.0.1:5432, and as root none can be started'
  const folder = mkdtempSync(join(tmpdir(), 'posthorn-postgres-'))
  execFileSync(join(programs, 'initdb'), ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'], {
    stdio: 'ignore',
  })
  const port = await freePort()
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', folder, '-p', String(port), '-k', folder, '-h', '127.0.0.1'],
    {
      stdio: 'ignore',
    },
  )
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()))
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  while (server.exitCode === null && !(await answers(url))) await new Promise((resolve) => setImmediate(resolve))
  return {
    url,
    stop: async () => {
      server.kill('SIGINT')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { readonly port: number }
      probe.close(() => resolve(port))
    })
  })
}
