/**
 * plainjob on `node:sqlite`, the same library that Posthorn's engine uses, and as durable: its own default (`synchronous = normal`) may lose
 * confirmed jobs with the machine. Its calls are synchronous; it has one handler at a time.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { defineQueue, defineWorker, type Connection, type Queue } from 'plainjob'
import { handleAtOnce, type Contestant, type Limits, type Work, type Working } from './contestant.ts'
import { packageVersion } from './package-version.ts'

const SILENT = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} }
/** Its default of a second would be all that is measured of a send to its start. */
const POLL_MS = 1

export class PlainJob implements Contestant {
  readonly name = 'plainjob'
  readonly version = packageVersion('plainjob')
  readonly durability = 'fsync before the answer, acks too'
  readonly #folder: string
  #queue: Queue | null = null

  constructor(dir: string) {
    this.#folder = mkdtempSync(join(dir, 'posthorn-bench-plainjob-'))
  }

  async setUp(): Promise<void> {
    const connection = connect(new DatabaseSync(join(this.#folder, 'jobs.db')))
    this.#queue = defineQueue({ connection, logger: SILENT })
    connection.pragma('synchronous = full')
  }

  async send(work: Work): Promise<void> {
    this.#queue!.add('work', work)
  }

  async work(_: Limits, started: (n: number) => void): Promise<Working> {
    const worker = defineWorker('work', (job) => handleAtOnce(JSON.parse(job.data) as Work, started), {
      queue: this.#queue!,
      pollIntervall: POLL_MS,
      logger: SILENT,
    })
    const ended = worker.start()
    return { stop: () => worker.stop().then(() => ended) }
  }

  async tearDown(): Promise<void> {
    this.#queue!.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** What it asks of `better-sqlite3`, in terms of `node:sqlite`. */
function connect(database: DatabaseSync): Connection {
  const within =
    (begin: string, act: (...args: unknown[]) => unknown) =>
    (...args: unknown[]): unknown => {
      database.exec(begin)
      try {
        const answer = act(...args)
        database.exec('commit')
        return answer
      } catch (error) {
        database.exec('rollback')
        throw error
      }
    }
  const transaction = (act: (...args: unknown[]) => unknown): unknown =>
    Object.assign(within('begin', act), { immediate: within('begin immediate', act) })
  return {
    driver: 'better-sqlite3',
    filename: database.location() ?? '',
    pragma: (statement) => database.exec(`pragma ${statement}`),
    exec: (sql) => database.exec(sql),
    prepare: (sql) => database.prepare(sql) as unknown as ReturnType<Connection['prepare']>,
    transaction: transaction as Connection['transaction'],
    close: () => database.close(),
  }
}
