// `sqlite:FILE` as a subject of the kit. In this thread, on real files: a kill leaves what was written (the files as they are), a power cut what
// was synced (the log up to the end of the last durable commit, then nothing or garbage). In a thread of its own it is killed by ending the thread.

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { deepStrictEqual } from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Storage, Subject } from '../../src/conformance/index.ts'
import type { Engine } from '../../src/core/engine.ts'
import type { Thresholds } from '../../src/engine/sqlite/desk.ts'
import type { Driver } from '../../src/engine/sqlite/driver/driver.ts'
import { nodeDriver } from '../../src/engine/sqlite/driver/node-driver.ts'
import { openSqliteEngine } from '../../src/engine/sqlite/engine.ts'
import { assertHolders } from '../sqlite/holder.ts'

/** Never on tmpfs's slower cousins: thousands of short-lived databases. */
const ROOT = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

/** Notes how much of the log each durable commit has synced. */
class WatchedDriver implements Driver {
  readonly synced = new Map<string, number>()

  open(path: string): ReturnType<Driver['open']> {
    const database = nodeDriver.open(path)
    let isFull = true
    return {
      ...database,
      exec: (sql) => {
        if (sql.startsWith('pragma synchronous')) isFull = sql.endsWith('full')
        database.exec(sql)
        const log = `${path}-wal`
        if (sql === 'commit' && isFull && existsSync(log)) this.synced.set(path, statSync(log).size)
      },
    }
  }
}

/** Both see the same, and both look, so that a step of the wall's clock is noticed by both when it happens. */
const READS: readonly (string | symbol)[] = ['get', 'list', 'find', 'browse', 'depth', 'read']

/** As two processes have it: calls go to either in turn, so that each must see at once what the other wrote. What is called together stays together. */
function inTurn(engines: readonly [Engine, Engine]): Engine {
  let turn = 0
  let underWay = 0
  /** A request that is repeated goes to the process that it went to. */
  const leasedBy = new Map<string, Engine>()
  const choose = (name: string | symbol, id: string): Engine => {
    if (underWay === 0) turn++
    const engine = (name === 'lease' ? leasedBy.get(id) : undefined) ?? engines[turn % 2]!
    if (name === 'lease') leasedBy.set(id, engine)
    return engine
  }
  const call = async (name: string | symbol, args: readonly unknown[]): Promise<unknown> => {
    if (name === 'close') return Promise.all(engines.map((engine) => engine.close()))
    if (READS.includes(name) && underWay === 0) {
      const ask = (engine: Engine): Promise<unknown> =>
        (Reflect.get(engine, name, engine) as (...given: readonly unknown[]) => Promise<unknown>).apply(engine, [
          ...args,
        ])
      const first = await ask(engines[turn++ % 2]!)
      deepStrictEqual(await ask(engines[turn % 2]!), first, 'both processes see the same')
      return first
    }
    const engine = choose(name, name === 'lease' ? (args[0] as { readonly id: string }).id : '')
    underWay++
    try {
      return await (Reflect.get(engine, name, engine) as (...given: readonly unknown[]) => unknown).apply(engine, [
        ...args,
      ])
    } finally {
      underWay--
    }
  }
  return new Proxy(engines[0], {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      return name === 'watch' || name === 'join'
        ? value.bind(target)
        : (...args: readonly unknown[]) => call(name, args)
    },
  })
}

export const sqliteSubject: Subject = { name: 'sqlite', create: () => createStorage(false) }

/** Messages are bundled however few come together, and content is shared however small it is. */
const LEAST: Thresholds = { leastBundled: 1, copiedBytes: 0 }

export const sqliteBundledSubject: Subject = { name: 'sqlite, all bundled', create: () => createStorage(false, LEAST) }

/** What two processes do to each other: what one has in memory, the other changes. */
export const sqlitePairSubject: Subject = { name: 'sqlite, two in turn', create: () => createStorage(true, LEAST) }

function createStorage(isPair: boolean, thresholds?: Thresholds): Storage {
  const folder = mkdtempSync(join(ROOT, 'posthorn-sqlite-'))
  const driver = new WatchedDriver()
  let number = 0
  let open: Engine[] = []
  const users = new Users()
  const path = (): string => join(folder, `${number}.db`)
  const leave = async (tail: (log: Buffer, synced: number) => Buffer): Promise<void> => {
    const [from, synced] = [path(), driver.synced.get(path()) ?? 0]
    number++
    copyFileSync(from, path())
    if (existsSync(`${from}-wal`)) writeFileSync(`${path()}-wal`, tail(readFileSync(`${from}-wal`), synced))
    const left = open
    open = []
    await Promise.all(left.map((engine) => engine.close()))
  }
  return {
    async open({ clock }) {
      // A log that is never begun anew shows by its length what was synced.
      const one = (): Promise<Engine> =>
        openSqliteEngine(path(), { clock, local: { driver, checkpointPages: 0, thresholds } })
      const engine = isPair ? inTurn([await one(), await one()]) : await one()
      open.push(engine)
      return engine
    },
    faults: {
      kill: () => leave((log) => log),
      powerCut: (luck) =>
        leave((log, synced) => {
          if (luck % 3 === 0) return log.subarray(0, synced)
          // The frames behind may be there in part, or as whatever was there before.
          return luck % 3 === 1
            ? log.subarray(0, Math.min(log.length, synced + 1_000 * (luck + 1)))
            : Buffer.concat([log.subarray(0, synced), Buffer.alloc(log.length - synced, luck)])
        }),
    },
    transaction: () => users.begin(path()),
    remove: async () => {
      users.close()
      await Promise.all(open.map((engine) => engine.close()))
      if (existsSync(path())) assertHolders(path())
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export const sqliteThreadSubject: Subject = {
  name: 'sqlite in its thread',
  create() {
    const folder = mkdtempSync(join(ROOT, 'posthorn-sqlite-'))
    const path = join(folder, 'p.db')
    const users = new Users()
    return {
      open: ({ clock }) => openSqliteEngine(path, { clock }),
      faults: {},
      transaction: () => users.begin(path),
      remove: () => {
        users.close()
        rmSync(folder, { recursive: true, force: true })
      },
    }
  },
}

/** Connections of the application's own. */
class Users {
  readonly #databases: DatabaseSync[] = []

  begin(path: string): ReturnType<NonNullable<Storage['transaction']>> {
    const database = new DatabaseSync(path, { timeout: 1_000 })
    database.exec('begin immediate')
    const end = (how: string): Promise<void> => {
      database.exec(how)
      return Promise.resolve()
    }
    this.#databases.push(database)
    return Promise.resolve({ transaction: database, commit: () => end('commit'), rollback: () => end('rollback') })
  }

  close(): void {
    for (const database of this.#databases) database.close()
  }
}
