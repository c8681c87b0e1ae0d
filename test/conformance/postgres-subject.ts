// `postgres://…` as a subject of the kit: each world is a schema of its own. The database's clock is played by the kit's, so that time can
// be stepped; a kill ends the sessions on the server, as the death of a process does.

import { randomBytes } from 'node:crypto'
import type { Engine } from '../../src/core/engine.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Subject } from '../../src/conformance/index.ts'
import { loadPg, type Connection, type Driver } from '../../src/engine/postgres/driver.ts'
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'
import { connect } from '../postgres/server.ts'

/** Connections of which all can be cut at once; afterwards there are none. */
class MortalDriver implements Driver {
  readonly #driver: Driver
  readonly #open = new Set<Connection>()
  isDead = false

  constructor(driver: Driver) {
    this.#driver = driver
  }

  async connect(): Promise<Connection> {
    if (this.isDead) return new Promise(() => {})
    const connection = await this.#driver.connect()
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

export function postgresSubject(url: string): Subject {
  return {
    name: 'postgres',
    async create() {
      const schema = `kit_${randomBytes(8).toString('hex')}`
      const application = `kit ${schema}`
      const pg = await loadPg(
        `${url}${url.includes('?') ? '&' : '?'}application_name=${encodeURIComponent(application)}`,
      )
      let drivers: MortalDriver[] = []
      let engines: Engine[] = []
      let base: number | null = null
      return {
        async open({ clock }: { readonly clock: Clock }) {
          base ??= Math.floor(clock.wallMs() - clock.monotonicMs())
          const begin = base
          const driver = new MortalDriver(pg)
          drivers.push(driver)
          const moment = () => ({ now: Math.floor(begin + clock.monotonicMs()), wall: Math.floor(clock.wallMs()) })
          const engine = await openPostgresEngine(url, { schema, driver, clock, moment, connections: 3 })
          engines.push(engine)
          return engine
        },
        faults: {
          async kill() {
            for (const driver of drivers) await driver.kill()
            drivers = []
            const admin = await connect(url)
            const ask = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1'
            while ((await admin.query(ask, [application])).rows.length > 0)
              await new Promise((resolve) => setImmediate(resolve))
            await admin.end()
          },
        },
        async remove() {
          for (const engine of engines) void engine
          engines = []
          const admin = await connect(url)
          await admin.query(`drop schema if exists ${schema} cascade`)
          await admin.end()
        },
      }
    },
  }
}
