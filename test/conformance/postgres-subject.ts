// `postgres://…` as a subject of the kit: each world has a schema to itself, which is emptied and used again: making one takes longer than most
// worlds last. The database's clock is played by the kit's, so that time can be stepped; a kill ends the sessions on the server, as the death of a
// process does. Nobody cuts the server's power here, so it need not wait for its disk.

import type { Clock } from '../../src/core/clock.ts'
import type { Subject } from '../../src/conformance/index.ts'
import { loadPg, type Connection, type Driver } from '../../src/engine/postgres/connection/driver.ts'
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'
import { eraWatch } from '../postgres/era-watch.ts'
import { connect, type Client } from '../postgres/client.ts'
import { newSchema } from '../postgres/schema.ts'

/** Connections of which all can be cut at once; afterwards there are none. */
class MortalDriver implements Driver {
  readonly #driver: Driver
  readonly #open = new Set<Connection>()
  readonly #watch: (connection: Connection) => Connection
  isDead = false

  constructor(driver: Driver, watch: (connection: Connection) => Connection) {
    this.#driver = driver
    this.#watch = watch
  }

  async connect(): Promise<Connection> {
    if (this.isDead) return new Promise(() => {})
    const connection = this.#watch(await this.#driver.connect())
    this.#open.add(connection)
    connection.onLost(() => this.#open.delete(connection))
    return {
      ...connection,
      // Who is dead hears no answer.
      query: async (...asked) => {
        if (this.isDead) return new Promise(() => {})
        try {
          const answer = await connection.query(...asked)
          return this.isDead ? await new Promise(() => {}) : answer
        } catch (error) {
          if (this.isDead) return new Promise(() => {})
          throw error
        }
      },
      end: () => (this.isDead ? Promise.resolve() : connection.end()),
    }
  }

  /** Backend processes of these connections. */
  async kill(): Promise<void> {
    this.isDead = true
    for (const connection of this.#open) await connection.end(true)
  }
}

export interface PostgresSubject extends Subject {
  /** The schemas that were used are no more. */
  end(): Promise<void>
}

export function postgresSubject(url: string): PostgresSubject {
  /** Those that nobody uses just now. */
  const empty: string[] = []
  let admin: Promise<Client> | null = null
  const administer = (): Promise<Client> => (admin ??= connect(url))
  return {
    name: 'postgres',
    async end() {
      const client = await administer()
      admin = null
      for (const schema of empty.splice(0)) await client.query(`drop schema if exists ${schema} cascade`)
      await client.end()
    },
    async create() {
      const schema = empty.pop() ?? newSchema('kit')
      const application = `kit ${schema}`
      const settings = `application_name=${encodeURIComponent(application)}&options=${encodeURIComponent('-c synchronous_commit=off')}`
      const pg = await loadPg(`${url}${url.includes('?') ? '&' : '?'}${settings}`)
      let drivers: MortalDriver[] = []
      let base: number | null = null
      const { watch, strays } = eraWatch()
      return {
        async open({ clock }: { readonly clock: Clock }) {
          base ??= Math.floor(clock.wallMs() - clock.monotonicMs())
          const begin = base
          const driver = new MortalDriver(pg, watch)
          drivers.push(driver)
          const moment = () => ({ now: Math.floor(begin + clock.monotonicMs()), wall: Math.floor(clock.wallMs()) })
          return openPostgresEngine(url, { schema, driver, clock, moment, connections: 3 })
        },
        faults: {
          async kill() {
            for (const driver of drivers) await driver.kill()
            drivers = []
            await endSessions(await administer(), application)
          },
        },
        async transaction() {
          const client = await connect(url)
          await client.query('begin')
          const end = async (how: string): Promise<void> => {
            await client.query(how)
            await client.end()
          }
          return { transaction: client, commit: () => end('commit'), rollback: () => end('rollback') }
        },
        async remove() {
          await Promise.all(drivers.map((driver) => driver.kill()))
          await endSessions(await administer(), application)
          await clear(await administer(), schema)
          empty.push(schema)
          if (strays.size > 0)
            throw new Error(`transactions that a newer program cannot stop: ${[...strays].join('; ')}`)
        },
      }
    },
  }
}

async function endSessions(admin: Client, application: string): Promise<void> {
  const ask = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1'
  while ((await admin.query(ask, [application])).rows.length > 0) await new Promise((resolve) => setImmediate(resolve))
}

/** What makes the schema what it is stays, and the numbers go on. */
const LASTING = ['migration', 'identity']

/** Of a world that is over, so that the next one finds it empty. */
export async function clear(admin: Pick<Client, 'query'>, schema: string): Promise<void> {
  const { rows } = await admin.query(`select tablename from pg_tables where schemaname = '${schema}'`)
  const tables = rows.map(({ tablename }) => String(tablename)).filter((name) => !LASTING.includes(name))
  await admin.query(
    ['set synchronous_commit = off', ...tables.map((table) => `delete from ${schema}.${table}`)].join('; '),
  )
}
