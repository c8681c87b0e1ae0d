// PGlite, PostgreSQL inside this process, as a subject of the kit: the engine behind a driver of a few lines, as behind a pooler, over the one
// session that there is. Worlds follow each other in one schema; nobody can kill it apart from this process, nor open it a second time.

import { PGlite } from '@electric-sql/pglite'
import type { Capabilities, Engine } from '../../src/core/engine.ts'
import type { Subject } from '../../src/conformance/index.ts'
import type { Answer, Connection, Driver, Statement } from '../../src/engine/postgres/connection/driver.ts'
import { openPostgresEngine } from '../../src/engine/postgres/open.ts'
import { clear } from './postgres-subject.ts'

const PARSERS = { 20: Number, 2950: (text: string) => text, 114: (text: string) => text }

/** Connections take turns: from a `begin` to its end the session is one connection's. */
export class PgliteDriver implements Driver {
  readonly #database: PGlite
  #turn: Promise<void> = Promise.resolve()

  constructor(database: PGlite) {
    this.#database = database
  }

  connect(): Promise<Connection> {
    /** Ends this connection's turn; null: it has none. */
    let end: (() => void) | null = null
    let isInTransaction = false
    let asked: Promise<unknown> = Promise.resolve()
    const ask = async ({ text }: Statement, values: readonly unknown[] = []): Promise<Answer> => {
      if (end === null) {
        const before = this.#turn
        const mine = Promise.withResolvers<void>()
        this.#turn = mine.promise
        end = mine.resolve
        await before
      }
      if (/^begin/i.test(text)) isInTransaction = true
      try {
        return await this.#run(text, values)
      } finally {
        if (/^(commit|rollback)$/i.test(text)) isInTransaction = false
        if (!isInTransaction) {
          end()
          end = null
        }
      }
    }
    return Promise.resolve({
      pid: 0,
      server: 'pglite',
      // Several may be asked at once: they are answered in order.
      query: (statement, values) => {
        const answer = asked.then(() => ask(statement, values))
        asked = answer.catch(() => {})
        return answer
      },
      onNotice: () => {},
      onLost: () => {},
      end: () => Promise.resolve(),
    })
  }

  async #run(text: string, values: readonly unknown[]): Promise<Answer> {
    if (values.length === 0) return (await this.#database.exec(text, { parsers: PARSERS })).at(-1)! as unknown as Answer
    const given = values.map((value) => (Array.isArray(value) ? toList(value) : value))
    return (await this.#database.query(text, given, { parsers: PARSERS })) as unknown as Answer
  }
}

/** A list as PostgreSQL writes it. */
function toList(values: readonly unknown[]): string {
  const element = (value: unknown): string => {
    if (value === null || value === undefined) return 'NULL'
    const text =
      value instanceof Uint8Array
        ? `\\x${Buffer.from(value).toString('hex')}`
        : typeof value === 'string'
          ? value
          : JSON.stringify(value)
    return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  }
  return `{${values.map(element).join(',')}}`
}

export async function pgliteSubject(): Promise<Subject & { end(): Promise<void> }> {
  const database = await PGlite.create()
  const schema = 'kit'
  const query = async (text: string): Promise<Answer> => (await database.exec(text)).at(-1)! as unknown as Answer
  return {
    name: 'pglite',
    end: () => database.close(),
    create() {
      const driver = new PgliteDriver(database)
      let base: number | null = null
      return {
        async open({ clock }) {
          base ??= Math.floor(clock.wallMs() - clock.monotonicMs())
          const begin = base
          const moment = () => ({ now: Math.floor(begin + clock.monotonicMs()), wall: Math.floor(clock.wallMs()) })
          const engine = await openPostgresEngine('postgres://in-this-process/', {
            schema,
            driver,
            clock,
            moment,
            connections: 1,
            isPooled: true,
          })
          return alone(engine)
        },
        faults: {},
        remove: () => clear({ query }, schema),
      }
    },
  }
}

/** With one session nobody else opens it, and there is none for a transaction of the user's. */
function alone(engine: Engine): Engine {
  const capabilities: Capabilities = { ...engine.capabilities, processes: 'one', join: false }
  return new Proxy(engine, {
    get(target, name) {
      if (name === 'capabilities') return capabilities
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
