/** graphile-worker at what its documentation calls its best: a local queue of jobs fetched ahead, and completions in batches. */
import { Logger, makeWorkerUtils, run, type Runner, type WorkerUtils } from 'graphile-worker'
import { handleAtOnce, type Contestant, type Limits, type Work, type Working } from '../contestant.ts'
import { packageVersion } from '../package-version.ts'

const SILENT = new Logger(() => () => {})
const CONNECTIONS = 20
const JOBS_AT_ONCE = 24
const FETCHED_AHEAD = 500

export class GraphileWorker implements Contestant {
  readonly name = 'graphile-worker'
  readonly version = packageVersion('graphile-worker')
  readonly durability = 'committed before the answer; completions in batches, no result kept'
  readonly #url: string
  readonly #schema: string
  #utils: WorkerUtils | null = null
  #runner: Runner | null = null

  constructor(url: string, schema: string) {
    this.#url = url
    this.#schema = schema
  }

  async setUp(): Promise<void> {
    this.#utils = await makeWorkerUtils({ ...this.#shared(), maxPoolSize: CONNECTIONS })
    await this.#utils.migrate()
  }

  async send(work: Work): Promise<void> {
    await this.#utils!.addJob('work', work)
  }

  async sendMany(works: readonly Work[]): Promise<void> {
    await this.#utils!.addJobs(works.map((payload) => ({ identifier: 'work', payload })))
  }

  async work(_: Limits, started: (n: number) => void): Promise<Working> {
    const runner = await run({
      ...this.#shared(),
      noHandleSignals: true,
      parsedCronItems: [],
      taskList: { work: (payload) => handleAtOnce(payload as Work, started) },
      preset: {
        worker: {
          concurrentJobs: JOBS_AT_ONCE,
          maxPoolSize: JOBS_AT_ONCE + 2,
          localQueue: { size: FETCHED_AHEAD },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
    })
    this.#runner = runner
    return { stop: () => this.#stop() }
  }

  async tearDown(): Promise<void> {
    await this.#stop()
    await this.#utils?.release()
  }

  async #stop(): Promise<void> {
    const runner = this.#runner
    this.#runner = null
    await runner?.stop()
  }

  #shared(): { readonly connectionString: string; readonly schema: string; readonly logger: Logger } {
    return { connectionString: this.#url, schema: this.#schema, logger: SILENT }
  }
}
