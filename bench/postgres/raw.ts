/**
 * What plain `pg` does without any library, for scale: an insert for each message on twenty connections, a worker that takes what is ready
 * and deletes what is done. It knows no retries, leases that lapse, priorities or results.
 */
import { handleAtOnce, type Contestant, type Limits, type Work, type Working } from '../contestant.ts'
import { packageVersion } from '../package-version.ts'
import { Pool } from './plain-pg.ts'

const CONNECTIONS = 20
const BATCH = 500
const POLL_MS = 1

export class Raw implements Contestant {
  readonly name = 'raw'
  readonly version = `pg ${packageVersion('pg')}`
  readonly durability = 'committed before the answer, a batch is deleted at once, no result kept'
  readonly #pool: Pool
  readonly #table: string
  readonly #schema: string
  #working: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(url: string, schema: string) {
    this.#pool = new Pool({ connectionString: url, max: CONNECTIONS })
    this.#schema = schema
    this.#table = `${schema}.message`
  }

  async setUp(): Promise<void> {
    await this.#pool.query(`create schema ${this.#schema}`)
    await this.#pool.query(
      `create table ${this.#table} (id bigint generated always as identity primary key, is_taken boolean not null default false, body text not null)`,
    )
    await this.#pool.query(`create index on ${this.#table} (id) where not is_taken`)
  }

  async send(work: Work): Promise<void> {
    await this.#pool.query({
      name: 'send',
      text: `insert into ${this.#table} (body) values ($1)`,
      values: [JSON.stringify(work)],
    })
  }

  async sendMany(works: readonly Work[]): Promise<void> {
    await this.#pool.query({
      name: 'send-many',
      text: `insert into ${this.#table} (body) select * from unnest($1::text[])`,
      values: [works.map((work) => JSON.stringify(work))],
    })
  }

  async work(_: Limits, started: (n: number) => void): Promise<Working> {
    this.#working = this.#run(started)
    return { stop: () => this.#stop() }
  }

  async tearDown(): Promise<void> {
    await this.#stop()
    await this.#pool.end()
  }

  #stop(): Promise<void> {
    this.#isStopped = true
    return this.#working
  }

  async #run(started: (n: number) => void): Promise<void> {
    const take = `update ${this.#table} set is_taken = true where id in (
      select id from ${this.#table} where not is_taken order by id limit ${BATCH} for update skip locked) returning id, body`
    let removing: Promise<unknown> = Promise.resolve()
    while (!this.#isStopped) {
      const { rows } = await this.#pool.query<{ id: string; body: string }>({ name: 'take', text: take })
      await Promise.all(rows.map(({ body }) => handleAtOnce(JSON.parse(body) as Work, started)))
      await removing
      if (rows.length === 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      else
        removing = this.#pool.query({
          name: 'remove',
          text: `delete from ${this.#table} where id = any ($1::bigint[])`,
          values: [rows.map(({ id }) => id)],
        })
    }
    await removing
  }
}
