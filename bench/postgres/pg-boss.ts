/** pg-boss with workers that fetch large batches for as long as they come back full; with its notifications and without. */
import { PgBoss } from 'pg-boss'
import { handleAtOnce, type Contestant, type Limits, type Work, type Working } from '../contestant.ts'
import { packageVersion } from '../package-version.ts'

const QUEUE = 'work'
const CONNECTIONS = 20
const WORKERS = 2
const BATCH = 500
/** The shortest that it takes. */
const POLL_SECONDS = 0.5

export class Boss implements Contestant {
  readonly name: string
  readonly version = packageVersion('pg-boss')
  readonly durability = 'committed before the answer, a batch is completed at once, done jobs kept'
  readonly #boss: PgBoss
  readonly #notifies: boolean

  constructor(url: string, schema: string, notifies: boolean) {
    this.name = notifies ? 'pg-boss' : 'pg-boss without notify'
    this.#notifies = notifies
    this.#boss = new PgBoss({
      connectionString: url,
      schema,
      max: CONNECTIONS,
      useListenNotify: notifies,
      supervise: false,
      schedule: false,
    })
    this.#boss.on('error', (error) => console.error(`pg-boss: ${error.message}`))
  }

  async setUp(): Promise<void> {
    await this.#boss.start()
    await this.#boss.createQueue(QUEUE, { notify: this.#notifies })
  }

  async send(work: Work): Promise<void> {
    await this.#boss.send(QUEUE, work)
  }

  async sendMany(works: readonly Work[]): Promise<void> {
    await this.#boss.insert(
      QUEUE,
      works.map((data) => ({ data })),
    )
  }

  async work(_: Limits, started: (n: number) => void): Promise<Working> {
    await this.#boss.work<Work>(
      QUEUE,
      {
        batchSize: BATCH,
        localConcurrency: WORKERS,
        pollingIntervalSeconds: POLL_SECONDS,
        burstWhenBatchFull: true,
      },
      async (jobs) => {
        await Promise.all(jobs.map(({ data }) => handleAtOnce(data, started)))
      },
    )
    return { stop: () => this.#boss.offWork(QUEUE, { wait: true }) }
  }

  tearDown(): Promise<void> {
    return this.#boss.stop({ graceful: false })
  }
}
